"""Speed and memory of kamkit beside what a user would pick instead: `make bench`, `make bench ONLY=import`."""
