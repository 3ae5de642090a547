"""What ``doctor`` looks at, one file for each subject; nothing here changes anything."""
