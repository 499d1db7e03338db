"""S3's documents: XML, in a namespace that servers write or leave out."""

from __future__ import annotations

from xml.etree import ElementTree

from trimtab.storage.s3.client import PassingError

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def parsed(content: bytes, root: str) -> ElementTree.Element:
    """Returns a document.

    Args:
        content: The body of an answer.
        root: The document's element.

    Raises:
        PassingError: If it is another one, or none: a proxy's page, an error that came after the status.
    """
    try:
        tree = ElementTree.fromstring(content.strip())
    except (ElementTree.ParseError, LookupError, ValueError):  # also of an encoding that there is not
        raise PassingError(f"expected <{root}> of S3, found something else: is a proxy in between?") from None
    if tag(tree) != root:
        raise PassingError(f"expected <{root}> of S3, found <{tag(tree)}> {text(tree, 'Code')}".rstrip())
    return tree


def text(node: ElementTree.Element, name: str) -> str:
    """Returns what stands in a child; empty if there is none."""
    return next((child.text or "" for child in node if tag(child) == name), "")


def tag(node: ElementTree.Element) -> str:
    """Returns an element's name, without its namespace."""
    return node.tag.rpartition("}")[2]
