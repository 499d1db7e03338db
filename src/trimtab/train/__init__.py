"""The training loop: exact resume, schedules, augmentation."""
