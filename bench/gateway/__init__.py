"""What the gateway costs by itself: each planner, each limit, in turns on the same questions and the same answers."""
