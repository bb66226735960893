"""From a video to a clip on disk that training reads: its folder, record, review and repair."""
