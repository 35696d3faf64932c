//! How one answer is judged.

use crate::material::{Checked, Prepared, problem_code};
use crate::tally::Ending;
use crate::wire::{ExchangeError, Link};

/// In a comparison every answer's status is looked at, and one body in this many. A power of two
/// would always hit the same requests of a ring of even length.
const SAMPLE_EVERY: u64 = 61;

/// What makes an answer good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judge {
    /// Every answer must be true.
    EveryVerdict,
    /// Every status, and a sample of the verdicts.
    SampledVerdicts,
    /// Every status, and a sample of the bodies must be the request's own.
    SampledEchoes,
}

impl Judge {
    /// Judges the answer to the `index`th request, which `link` still holds.
    pub(crate) fn judge(
        self,
        index: u64,
        request: &Prepared,
        answer: Result<u16, ExchangeError>,
        link: &Link,
    ) -> Ending {
        let status = match answer {
            Ok(status) => status,
            Err(error) => return Ending::Error(error.to_string()),
        };
        if status != 200 {
            return Ending::Error(format!("{status} {}", problem_code(link.body())));
        }
        match self {
            Self::EveryVerdict => verdicts(request, link),
            Self::SampledVerdicts if index.is_multiple_of(SAMPLE_EVERY) => verdicts(request, link),
            Self::SampledEchoes if index.is_multiple_of(SAMPLE_EVERY) => echo(request, link),
            Self::SampledVerdicts | Self::SampledEchoes => Ending::Good,
        }
    }
}

fn verdicts(request: &Prepared, link: &Link) -> Ending {
    match request.check(link.body()) {
        Checked::Right => Ending::Good,
        Checked::RegistryUnavailable => Ending::Error("200 registry_unavailable".to_owned()),
        Checked::Wrong(what) => Ending::Wrong(what),
    }
}

fn echo(request: &Prepared, link: &Link) -> Ending {
    if link.body() == request.body() {
        return Ending::Good;
    }
    Ending::Wrong("the echo is not what was sent".to_owned())
}
