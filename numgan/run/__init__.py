"""What a run needs beside its step: streams of data and noise, averaged weights, preconditions, its state on disk."""
