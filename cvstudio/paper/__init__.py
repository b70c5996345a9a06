"""What is laid out on paper by Qt's text engine, for the window and the command line alike.

It needs no display. It is apart because Qt is: who writes no paper never loads it (ADR 0018).
"""
