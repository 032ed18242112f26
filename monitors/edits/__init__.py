"""What an edit of a scaffold means: a pure comparison of two versions, kind by kind."""
