"""Heat maps: where in an image the evidence for one answer of a network lies.

A table of methods (core/explaining.py) over one set of hooks. tracing.py asks a network once and
keeps the maps on the way (by_class.py, by_region.py, by_object.py: one for each kind of answer);
combining.py makes a map of evidence of one feature map and its gradient, a method each; rollout.py
and occlusion.py need no maps; randomising.py asks whether a method looks at what was learned.
"""
