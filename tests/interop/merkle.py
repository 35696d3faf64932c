"""Compares roots and proofs in a file with those of pymerkle, over leaves that are the numbers from
0 as eight bytes, big-endian. A line of the file is one of

    root SIZE HASH
    inclusion INDEX SIZE HASH...
    consistency FROM TO HASH...

with hashes in hexadecimal, sizes in any order. Prints how many of each agreed; the first line that
does not ends it with 1.
"""

import sys

from pymerkle.core import BaseMerkleTree
from pymerkle.hasher import MerkleHasher
from pymerkle.proof import InvalidProof, MerkleProof, verify_consistency, verify_inclusion


class Tree(BaseMerkleTree):
    """pymerkle's tree over a list: the two that come with it keep more or write to disk."""

    def __init__(self):
        self.leaves = []
        # SHA-256 with the prefixes of RFC 6962 is its default; subtrees are hashed once.
        super().__init__("sha256", threshold=2)

    def grow(self, size):
        while len(self.leaves) < size:
            self.append_entry(len(self.leaves).to_bytes(8, "big"))

    def _encode_entry(self, data):
        return data

    def _store_leaf(self, data, digest):
        self.leaves.append(digest)
        return len(self.leaves)

    def _get_leaf(self, index):
        return self.leaves[index - 1]

    def _get_leaves(self, offset, width):
        return self.leaves[offset : offset + width]

    def _get_size(self):
        return len(self.leaves)


def root_of(tree, size):
    return tree.get_state(size) if size else MerkleHasher("sha256").hash_empty()


def check_root(tree, size, hashes):
    return hashes == [root_of(tree, size)]


def check_inclusion(tree, index, size, hashes):
    proof = tree.prove_inclusion(index + 1, size)
    verify_inclusion(tree.get_leaf(index + 1), root_of(tree, size), proof)
    # Its proofs begin with the leaf; in RFC 6962 they do not.
    return hashes == proof.path[1:]


def check_consistency(tree, first, second, hashes):
    if first == 0 or first == second:
        return hashes == []
    expected, sides = subproof(tree, first, 0, second)
    if hashes != expected:
        return False
    # pymerkle cuts its own proofs otherwise, but judges ours: 0 for a sibling on the right, 1 on
    # the left; what is on the left is part of the earlier tree.
    base = [] if len(hashes) > len(sides) else [root_of(tree, first)]
    proof = MerkleProof("sha256", True, second, sides + [0], [1] + sides, base + hashes)
    verify_consistency(root_of(tree, first), root_of(tree, second), proof)
    return True


def subproof(tree, first, start, end):
    """SUBPROOF of RFC 6962, section 2.1.2, and on which side each sibling stands."""
    if first == end:
        return ([] if start == 0 else [tree._get_root(start, end)]), []
    middle = start + (1 << ((end - start - 1).bit_length() - 1))
    if first <= middle:
        hashes, sides = subproof(tree, first, start, middle)
        return hashes + [tree._get_root(middle, end)], sides + [0]
    hashes, sides = subproof(tree, first, middle, end)
    return hashes + [tree._get_root(start, middle)], sides + [1]


def main(path):
    tree, counts = Tree(), {"root": 0, "inclusion": 0, "consistency": 0}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            kind, *rest = line.split()
            numbers = [int(number) for number in rest[: 1 if kind == "root" else 2]]
            hashes = [bytes.fromhex(text) for text in rest[len(numbers) :]]
            tree.grow(numbers[-1])
            check = {
                "root": check_root,
                "inclusion": check_inclusion,
                "consistency": check_consistency,
            }[kind]
            try:
                agrees = check(tree, *numbers, hashes)
            except InvalidProof as error:
                sys.exit(f"{kind} {numbers}: {error}")
            if not agrees:
                sys.exit(f"{kind} {numbers}: pymerkle says otherwise")
            counts[kind] += 1
    print(" ".join(f"{kind}={count}" for kind, count in counts.items()))


main(sys.argv[1])
