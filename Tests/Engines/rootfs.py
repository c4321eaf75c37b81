"""The image's files in a directory, for callers that take a root file system."""

import io
import tarfile

import image


def unpack(directory):
    with tarfile.open(fileobj=io.BytesIO(image.layer())) as tar:
        tar.extractall(directory)
    return directory
