//! How sure the judge must be, and how often it looks.

use serde::{Deserialize, Serialize};

use super::statistics::adjust::spent;

/// How sure the judge must be, and how often it looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgeSettings {
    /// How often, at most, a canary that is as good as the baseline may be rolled back, over all
    /// metrics and looks: 0.05 unless told otherwise.
    pub alpha: f64,
    /// Which look this is, from 1.
    pub look: u32,
    /// How many looks were planned.
    pub looks: u32,
    /// The share of weight, in percent, that must fail for a rollback: with 1, any metric that counts.
    pub fail_percent: u32,
    /// The share of weight, in percent, that must pass for a promotion: with 100, every metric that
    /// counts.
    pub pass_percent: u32,
}

impl Default for JudgeSettings {
    fn default() -> Self {
        Self { alpha: 0.05, look: 1, looks: 1, fail_percent: 1, pass_percent: 100 }
    }
}

/// Settings by which nothing can be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidSettings {
    /// Alpha is no chance that anybody could mean.
    #[error("alpha must be more than 0 and at most 0.5, not {0}")]
    Alpha(f64),
    /// The look is not one of those planned.
    #[error("look {look} is not one of {looks}")]
    Look {
        /// Which.
        look: u32,
        /// Of how many.
        looks: u32,
    },
    /// A share of weight is none.
    #[error("`fail` and `pass` must be from 1 to 100 percent of the weight")]
    Percent,
}

impl JudgeSettings {
    /// Returns the settings for look `look` of `looks`, both from 1.
    #[must_use]
    pub fn at_look(self, look: u32, looks: u32) -> Self {
        Self { look, looks, ..self }
    }

    /// Returns the alpha of this look: what is spent at all looks adds up to
    /// [`alpha`](Self::alpha).
    #[must_use]
    pub fn alpha_of_look(&self) -> f64 {
        spent(self.alpha, self.look, self.looks)
    }

    /// Returns when something can be judged by them.
    ///
    /// # Errors
    /// [`InvalidSettings`] where nothing can be.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        if !(self.alpha > 0.0 && self.alpha <= 0.5) {
            return Err(InvalidSettings::Alpha(self.alpha));
        }
        if self.look == 0 || self.look > self.looks {
            return Err(InvalidSettings::Look { look: self.look, looks: self.looks });
        }
        let percent = |share: u32| (1..=100).contains(&share);
        let sound = percent(self.fail_percent) && percent(self.pass_percent);
        if sound { Ok(()) } else { Err(InvalidSettings::Percent) }
    }
}
