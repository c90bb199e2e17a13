"""The instance itself: how it comes to be, who may use it, how it fares."""
