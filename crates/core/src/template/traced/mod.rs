//! `.j2` templates rendered so that it is known what filled which part.
//!
//! The template is compiled as ever, and then marks are put between its instructions: calls of
//! filters that no template can spell, which tell a [`Recorder`] what happens. The data are wrapped
//! so that each look-up tells it too. Values keep what they are: a text is known again by where it
//! is in memory, so that it is known also after a loop, a `set` or `default`; a list or a map knows
//! its own key; and a number, which has no identity, is the value that was looked up last, where the
//! expression is nothing but a look-up.
//!
//! What is none of these is derived from all that was looked up for it. What partials write has no
//! place: they are compiled before there is anything to mark.

mod data;
mod mark;
mod recorder;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::{Environment, Value};

use self::recorder::Recorder;
use super::jinja::{self, Limited, MAX_STEPS};
use super::{Context, Jinja, TemplateError, operators};
use crate::trace::Traced;

/// The marks cost steps too: there are at most this many for each step.
const STEPS_OF_MARKS: u64 = 16;

/// A recorder that the data, the filters and the output write into.
type Shared = Arc<Mutex<Recorder>>;

/// A panic elsewhere leaves a recorder that is still whole.
fn lock(recorder: &Shared) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jinja {
    /// Returns what [`render`](Jinja::render) returns, and which keys of `data` filled which part of
    /// it.
    ///
    /// A part is exact where it is the value of the key. It is derived where filters, operators,
    /// macros or captures made something of values: from all keys that were looked up for it. What
    /// decides whether a part is there (`if`) fills nothing.
    ///
    /// # Errors
    /// As [`render`](Jinja::render).
    pub fn render_traced(
        &self,
        name: &str,
        text: &str,
        data: &Context,
    ) -> Result<Traced, TemplateError> {
        let rendered = self.render(name, text, data)?;
        let traced = self.traced(name, text, data)?;
        if traced.text == rendered {
            return Ok(traced);
        }
        // A text that could be mistaken for what is deployed is worse than none.
        let what = "what filled this template cannot be told";
        Err(TemplateError::spanning(text, 0..text.len(), what))
    }

    fn traced(&self, name: &str, text: &str, data: &Context) -> Result<Traced, TemplateError> {
        let describe = |error: minijinja::Error| jinja::describe(&error, text);
        let mut blocks = operators::compile((name, text), jinja::syntax()).map_err(describe)?;
        let mut sites = Vec::new();
        for instructions in blocks.values_mut() {
            *instructions = mark::marked(instructions, &mut sites);
        }
        let shared: Shared = Arc::new(Mutex::new(Recorder::new(name, sites)));
        let environment = self.recording(&shared);
        let data = data::recorded(&data.0, &shared);
        let mut output = Counted { inner: Limited(Vec::new()), len: lock(&shared).written() };
        let template = (name, text);
        operators::run(&environment, template, blocks, data, &mut output).map_err(describe)?;
        let text_of =
            String::from_utf8(output.inner.0).expect("a template is text, and so is every value");
        let spans = lock(&shared).spans(text, &text_of);
        Ok(Traced::new(text_of, spans))
    }

    /// Returns the environment with the filters of the marks, and a formatter that records.
    fn recording(&self, shared: &Shared) -> Environment<'static> {
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(MAX_STEPS.saturating_mul(STEPS_OF_MARKS)));
        mark::add_filters(&mut environment, shared);
        let (recorder, counted) = (Arc::clone(shared), AtomicUsize::new(0));
        environment.set_formatter(move |out, state, value: &Value| {
            let written = lock(&recorder).written();
            let before = written.load(Ordering::Relaxed);
            jinja::print(out, state, value, &counted)?;
            let output = before..written.load(Ordering::Relaxed);
            lock(&recorder).printed(state.name(), value, output);
            Ok(())
        });
        environment
    }
}

/// Output that tells how long it is.
struct Counted {
    inner: Limited,
    len: Arc<AtomicUsize>,
}

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.len.fetch_add(written, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
