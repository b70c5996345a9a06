"""What lies near what among a project's images: copies, strangers, and what to label next.

Nothing here needs torch: pictures are compared as they look (imaging/likeness.py), and by the
embeddings that a job has left (ml/embed.py).
"""
