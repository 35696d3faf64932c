//! Addresses by code: a province and, where it is known, a commune, in one of two code schemes.

use super::Malformed;

/// Which list of administrative units a code belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// 34 provinces and 3,321 communes since 1 July 2025 (resolution 202/2025/QH15).
    Y2025,
    /// 63 provinces and the communes from before the merger (Decision 124/2004/QD-TTg).
    Y2004,
}

impl Scheme {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Y2025 => "2025",
            Self::Y2004 => "2004",
        }
    }
}

/// A place by statistical code. Free text never decides, so there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    scheme: Scheme,
    province: u8,
    commune: Option<u32>,
}

impl Address {
    /// Reads a scheme (`2025` when absent), a province code of two digits and a commune code of
    /// five digits.
    ///
    /// # Errors
    /// Every field that is not well formed, by name.
    pub fn parse(
        scheme: Option<&str>,
        province: &str,
        commune: Option<&str>,
    ) -> Result<Self, Vec<(&'static str, Malformed)>> {
        let scheme = match scheme {
            None | Some("2025") => Ok(Scheme::Y2025),
            Some("2004") => Ok(Scheme::Y2004),
            Some(_) => Err(Malformed::Form),
        };
        match (scheme, code(province, 2), commune.map(|text| code(text, 5)).transpose()) {
            (Ok(scheme), Ok(province), Ok(commune)) => {
                Ok(Self { scheme, province: province as u8, commune })
            }
            (scheme, province, commune) => {
                let wrong = [
                    scheme.err().map(|error| ("scheme", error)),
                    province.err().map(|error| ("province", error)),
                    commune.err().map(|error| ("commune", error)),
                ];
                Err(wrong.into_iter().flatten().collect())
            }
        }
    }

    /// The list that the codes belong to.
    pub fn scheme(self) -> Scheme {
        self.scheme
    }

    /// Statistical code of the province, 1 to 99.
    pub fn province(self) -> u8 {
        self.province
    }

    /// Statistical code of the commune, where it is known.
    pub fn commune(self) -> Option<u32> {
        self.commune
    }
}

fn code(text: &str, digits: usize) -> Result<u32, Malformed> {
    if text.is_empty() {
        return Err(Malformed::Empty);
    }
    if text.len() != digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed::Form);
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(Malformed::Form),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_length_and_the_scheme_has_a_default() {
        let address = Address::parse(None, "01", Some("00004")).unwrap();
        assert_eq!(
            (address.scheme(), address.province(), address.commune()),
            (Scheme::Y2025, 1, Some(4))
        );
        assert_eq!(
            Address::parse(Some("1999"), "01", None),
            Err(vec![("scheme", Malformed::Form)])
        );
        assert_eq!(Address::parse(None, "1", None), Err(vec![("province", Malformed::Form)]));
        assert_eq!(Address::parse(None, "00", None), Err(vec![("province", Malformed::Form)]));
        assert_eq!(Address::parse(None, "01", Some("4")), Err(vec![("commune", Malformed::Form)]));
    }
}
