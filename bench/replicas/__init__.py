"""What a second replica of every service brings and costs, and how long it takes until one stands in for another."""
