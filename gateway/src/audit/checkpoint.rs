//! Signed checkpoints: C2SP `checkpoint` in a C2SP `signed-note` with an Ed25519 signature.

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tree::Hash;
use crate::store::KEY_BYTES;

/// Algorithm number of Ed25519 in a signed note.
const ED25519_ALGORITHM: u8 = 1;
const SIGNATURE_BYTES: usize = 64;

/// A statement of how far a log reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Identity of the log: a schema-less URL.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

/// Why a note is not a checkpoint of this log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not the form of a signed note with a checkpoint.
    #[error("the checkpoint does not have the form of a signed note")]
    Form,
    /// Signed by somebody else, for another log, or changed since.
    #[error("the checkpoint's signature does not verify")]
    Signature,
}

impl Checkpoint {
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// What a note says, whoever signed it: for those who hold no key, or another one.
    pub fn read_unverified(unverified_note: &str) -> Option<Self> {
        let (text, _signatures) = unverified_note.split_once("\n\n")?;
        Self::parse(&format!("{text}\n"))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let origin = lines.next().filter(|line| !line.is_empty())?;
        let size_text = lines.next()?;
        let size: u64 = size_text.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        // The canonical form only: no leading zeros or signs, nothing after the root.
        let parsed = Self { origin: origin.to_owned(), size, root };
        (parsed.text() == text).then_some(parsed)
    }
}

/// Signs and verifies the checkpoints of one log.
pub struct CheckpointSigner {
    pair: Ed25519KeyPair,
    origin: String,
    key_id: [u8; 4],
}

impl CheckpointSigner {
    /// Takes the log's key (an Ed25519 seed) and its origin, which is the key's name too.
    ///
    /// Returns `None` if the seed is not usable, which no 32 bytes are.
    pub fn new(seed: &[u8; KEY_BYTES], origin: String) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let mut context = Context::new(&SHA256);
        context.update(origin.as_bytes());
        context.update(&[b'\n', ED25519_ALGORITHM]);
        context.update(pair.public_key().as_ref());
        let digest = context.finish();
        let key_id = digest.as_ref().first_chunk().copied()?;
        Some(Self { pair, origin, key_id })
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The verifier key in the form of signed notes: `name+id+base64(algorithm || key)`.
    pub fn verifier_key(&self) -> String {
        let id = u32::from_be_bytes(self.key_id);
        let mut key = vec![ED25519_ALGORITHM];
        key.extend_from_slice(self.pair.public_key().as_ref());
        format!("{}+{id:08x}+{}", self.origin, STANDARD.encode(key))
    }

    /// Signs how far the log reaches.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint { origin: self.origin.clone(), size, root };
        let text = checkpoint.text();
        let mut signature = self.key_id.to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.origin, STANDARD.encode(signature))
    }

    /// Reads a note and verifies our signature on it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, unverified_note: &str) -> Result<Checkpoint, CheckpointError> {
        let (text, signatures) = unverified_note.split_once("\n\n").ok_or(CheckpointError::Form)?;
        let text = format!("{text}\n");
        let checkpoint = Checkpoint::parse(&text).ok_or(CheckpointError::Form)?;
        if checkpoint.origin != self.origin {
            return Err(CheckpointError::Signature);
        }
        let public = UnparsedPublicKey::new(&ED25519, self.pair.public_key().as_ref());
        let signed = signatures
            .lines()
            .filter_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' '))
            .filter(|(name, _)| *name == self.origin)
            .filter_map(|(_, signature)| STANDARD.decode(signature).ok())
            .filter(|bytes| bytes.len() == 4 + SIGNATURE_BYTES && bytes[..4] == self.key_id)
            .any(|bytes| public.verify(text.as_bytes(), &bytes[4..]).is_ok());
        if signed { Ok(checkpoint) } else { Err(CheckpointError::Signature) }
    }
}

impl std::fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointSigner").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_verifies_under_its_key_and_origin_alone() {
        let signer = CheckpointSigner::new(&[7; 32], "gateway.example/log/n1".into()).unwrap();
        let note = signer.sign(42, [9; 32]);
        let checkpoint = signer.verify(&note).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (42, [9; 32]));
        let other_key = CheckpointSigner::new(&[8; 32], "gateway.example/log/n1".into()).unwrap();
        assert_eq!(other_key.verify(&note), Err(CheckpointError::Signature));
        let other_log = CheckpointSigner::new(&[7; 32], "gateway.example/log/n2".into()).unwrap();
        assert_eq!(other_log.verify(&note), Err(CheckpointError::Signature));
    }

    #[test]
    fn a_changed_checkpoint_does_not_verify() {
        let signer = CheckpointSigner::new(&[7; 32], "gateway.example/log/n1".into()).unwrap();
        let note = signer.sign(42, [9; 32]);
        assert!(signer.verify(&note.replacen("42", "43", 1)).is_err());
        assert!(signer.verify(&note.replacen("42", "042", 1)).is_err());
        assert!(signer.verify("").is_err());
    }
}
