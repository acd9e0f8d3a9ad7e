"""One reader a published layout: files on disk -> uint8 images and labels."""
