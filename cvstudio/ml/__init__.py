"""Networks: imported only by job and live processes."""
