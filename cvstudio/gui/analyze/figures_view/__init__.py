"""The view Figures: every figure with its range, calibration, gains, and scores of classes."""
