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
const PUBLIC_KEY_BYTES: usize = 32;

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
    /// More than a checkpoint and the log's own signature.
    #[error("the checkpoint holds more than the log itself has signed")]
    LeftOver,
}

/// Why a text is not a verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a verifier key is name+id+key, of an Ed25519 key and with the id that belongs to it")]
pub struct VerifierKeyError;

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

/// Verifies the checkpoints of one log by its public key alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointVerifier {
    origin: String,
    key: [u8; PUBLIC_KEY_BYTES],
    key_id: [u8; 4],
}

impl CheckpointVerifier {
    fn new(origin: String, key: [u8; PUBLIC_KEY_BYTES]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(origin.as_bytes());
        context.update(&[b'\n', ED25519_ALGORITHM]);
        context.update(&key);
        let mut key_id = [0; 4];
        key_id.copy_from_slice(&context.finish().as_ref()[..4]);
        Self { origin, key, key_id }
    }

    /// Reads a verifier key in the form of signed notes: `name+id+base64(algorithm || key)`.
    ///
    /// # Errors
    /// [`VerifierKeyError`].
    pub fn parse(text: &str) -> Result<Self, VerifierKeyError> {
        let read = || {
            // The key may hold a plus sign, the name may not.
            let mut parts = text.splitn(3, '+');
            let origin = parts.next().filter(|origin| !origin.is_empty())?;
            let (_id, key) = (parts.next()?, STANDARD.decode(parts.next()?).ok()?);
            let key = key.strip_prefix(&[ED25519_ALGORITHM])?.try_into().ok()?;
            Some(Self::new(origin.to_owned(), key))
        };
        read().filter(|verifier| verifier.key_text() == text).ok_or(VerifierKeyError)
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The verifier key in the form of signed notes: `name+id+base64(algorithm || key)`.
    pub fn key_text(&self) -> String {
        let id = u32::from_be_bytes(self.key_id);
        let key = [&[ED25519_ALGORITHM], self.key.as_slice()].concat();
        format!("{}+{id:08x}+{}", self.origin, STANDARD.encode(key))
    }

    /// Reads a note and verifies the log's signature on it. Signatures of others may stand beside
    /// it, as signed notes allow.
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
        let public = UnparsedPublicKey::new(&ED25519, self.key.as_slice());
        let signed = signatures
            .lines()
            .filter_map(|line| line.strip_prefix("\u{2014} ")?.split_once(' '))
            .filter(|(name, _)| *name == self.origin)
            .filter_map(|(_, signature)| STANDARD.decode(signature).ok())
            .filter(|bytes| bytes.len() == 4 + SIGNATURE_BYTES && bytes[..4] == self.key_id)
            .any(|bytes| public.verify(text.as_bytes(), &bytes[4..]).is_ok());
        if signed { Ok(checkpoint) } else { Err(CheckpointError::Signature) }
    }

    /// Reads a note as the log's own store keeps it: the checkpoint, its one signature and not a
    /// byte more.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify_stored(&self, unverified_note: &str) -> Result<Checkpoint, CheckpointError> {
        let checkpoint = self.verify(unverified_note)?;
        // A line of this form and length is the one signature that was just verified.
        let signature_text = (4 + SIGNATURE_BYTES).div_ceil(3) * 4;
        let start = format!("{}\n\u{2014} {} ", checkpoint.text(), self.origin);
        let is_whole = unverified_note.starts_with(&start)
            && unverified_note.len() == start.len() + signature_text + 1
            && unverified_note.ends_with('\n');
        if !is_whole {
            return Err(CheckpointError::LeftOver);
        }
        Ok(checkpoint)
    }
}

/// Signs and verifies the checkpoints of one log.
pub struct CheckpointSigner {
    pair: Ed25519KeyPair,
    verifier: CheckpointVerifier,
}

/// First line of a note about results. No origin of a log has blanks.
const RESULTS_HEAD: &str = "results of a job";

impl CheckpointSigner {
    /// Takes the log's key (an Ed25519 seed) and its origin, which is the key's name too.
    ///
    /// Returns `None` if the seed is not usable, which no 32 bytes are.
    pub fn new(seed: &[u8; KEY_BYTES], origin: String) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let key = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pair, verifier: CheckpointVerifier::new(origin, key) })
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        self.verifier.origin()
    }

    /// What verifies these checkpoints without being able to sign one.
    pub fn verifier(&self) -> &CheckpointVerifier {
        &self.verifier
    }

    /// The verifier key in the form of signed notes: `name+id+base64(algorithm || key)`.
    pub fn verifier_key(&self) -> String {
        self.verifier.key_text()
    }

    /// Signs how far the log reaches.
    pub fn sign(&self, size: u64, root: Hash) -> String {
        let checkpoint = Checkpoint { origin: self.verifier.origin.clone(), size, root };
        self.sign_text(&checkpoint.text())
    }

    /// Signs lines of another kind, whose first one no checkpoint has (C2SP `signed-note`).
    fn sign_text(&self, text: &str) -> String {
        let mut signature = self.verifier.key_id.to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.verifier.origin, STANDARD.encode(signature))
    }

    /// Signs the digest of a job's results.
    pub fn sign_results(&self, job: &str, sha256: &str, bytes: u64, rows: u64) -> String {
        let first = RESULTS_HEAD;
        self.sign_text(&format!("{first}\n{job}\nsha256 {sha256}\nbytes {bytes}\nrows {rows}\n"))
    }

    /// Reads a note and verifies our signature on it.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn verify(&self, unverified_note: &str) -> Result<Checkpoint, CheckpointError> {
        self.verifier.verify(unverified_note)
    }
}

impl std::fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckpointSigner")
            .field("origin", &self.verifier.origin)
            .finish_non_exhaustive()
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

    #[test]
    fn the_public_key_alone_verifies() {
        let signer = CheckpointSigner::new(&[7; 32], "gateway.example/log/n1".into()).unwrap();
        let verifier = CheckpointVerifier::parse(&signer.verifier_key()).unwrap();
        assert_eq!(&verifier, signer.verifier());
        assert_eq!(verifier.verify_stored(&signer.sign(42, [9; 32])).unwrap().size, 42);
        let key = signer.verifier_key();
        for end in 0..key.len() {
            assert_eq!(CheckpointVerifier::parse(&key[..end]), Err(VerifierKeyError), "{end}");
        }
        let other_name = key.replacen("n1", "n2", 1);
        assert_eq!(CheckpointVerifier::parse(&other_name), Err(VerifierKeyError));
    }

    #[test]
    fn every_byte_of_a_stored_note_counts() {
        let signer = CheckpointSigner::new(&[7; 32], "gateway.example/log/n1".into()).unwrap();
        let note = signer.sign(42, [9; 32]);
        for position in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            for bit in 0..8 {
                bytes[position] ^= 1 << bit;
                if let Ok(changed) = std::str::from_utf8(&bytes) {
                    assert!(signer.verifier().verify_stored(changed).is_err(), "{changed}");
                }
                bytes[position] ^= 1 << bit;
            }
        }
        for more in ["\n", " ", "\r", "x", "\u{2014} gateway.example/other AAAA\n"] {
            let refused = signer.verifier().verify_stored(&format!("{note}{more}"));
            assert_eq!(refused, Err(CheckpointError::LeftOver), "{more}");
        }
        let moved = note.trim_end().replacen("\n\n", "\n\n\n", 1);
        assert_eq!(signer.verifier().verify_stored(&moved), Err(CheckpointError::LeftOver));
    }
}
