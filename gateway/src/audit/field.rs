//! Fields of an entry: tag, length, value. What the tags mean is for `entry`.

use super::entry::EntryError;

/// Appends fields.
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// Every value comes from a type whose limit is below 256 bytes.
    pub(super) fn field(&mut self, tag: u8, value: &[u8]) {
        let length = u8::try_from(value.len()).expect("fields are limited by their types");
        self.0.extend_from_slice(&[tag, length]);
        self.0.extend_from_slice(value);
    }

    pub(super) fn optional(&mut self, tag: u8, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.field(tag, value);
        }
    }
}

/// Takes fields in the order of their tags.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn optional_bytes(&mut self, tag: u8) -> Result<Option<&'a [u8]>, EntryError> {
        match *self.0 {
            [found, length, ref rest @ ..] if found == tag => {
                let (value, after) = rest
                    .split_at_checked(usize::from(length))
                    .ok_or(EntryError::Damaged { tag })?;
                self.0 = after;
                Ok(Some(value))
            }
            _ => Ok(None),
        }
    }

    pub(super) fn bytes(&mut self, tag: u8) -> Result<&'a [u8], EntryError> {
        self.optional_bytes(tag)?.ok_or(EntryError::Damaged { tag })
    }

    pub(super) fn optional_array<const N: usize>(
        &mut self,
        tag: u8,
    ) -> Result<Option<[u8; N]>, EntryError> {
        self.optional_bytes(tag)?
            .map(|bytes| bytes.try_into().map_err(|_| EntryError::Damaged { tag }))
            .transpose()
    }

    pub(super) fn array<const N: usize>(&mut self, tag: u8) -> Result<[u8; N], EntryError> {
        self.optional_array(tag)?.ok_or(EntryError::Damaged { tag })
    }

    /// Big-endian numbers of 8 bytes, one after the other.
    pub(super) fn numbers<const N: usize>(&mut self, tag: u8) -> Result<[u64; N], EntryError> {
        let bytes = self.bytes(tag)?;
        let (numbers, rest) = bytes.as_chunks::<8>();
        let numbers: &[[u8; 8]; N] = numbers
            .try_into()
            .ok()
            .filter(|_| rest.is_empty())
            .ok_or(EntryError::Damaged { tag })?;
        Ok(numbers.map(u64::from_be_bytes))
    }

    pub(super) fn number<T>(
        &mut self,
        tag: u8,
        from: fn(u8) -> Option<T>,
    ) -> Result<T, EntryError> {
        let [number] = self.array(tag)?;
        from(number).ok_or(EntryError::Damaged { tag })
    }

    pub(super) fn optional_text<T>(
        &mut self,
        tag: u8,
        parse: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, EntryError> {
        let damaged = EntryError::Damaged { tag };
        self.optional_bytes(tag)?
            .map(|bytes| std::str::from_utf8(bytes).ok().and_then(parse).ok_or(damaged))
            .transpose()
    }

    pub(super) fn text<T>(
        &mut self,
        tag: u8,
        parse: fn(&str) -> Option<T>,
    ) -> Result<T, EntryError> {
        self.optional_text(tag, parse)?.ok_or(EntryError::Damaged { tag })
    }
}
