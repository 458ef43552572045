"""What the comment of a pull request is made of: a part for each question of a reviewer, and the pages that they are put on."""
