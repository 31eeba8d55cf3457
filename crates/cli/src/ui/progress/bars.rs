//! A [`Board`] drawn again and again on a terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use windlass_core::event::Event;

use super::board::Board;
use super::lines;
use crate::ui::style::Style;

const TICK: Duration = Duration::from_millis(120);
const HEAD: &str = "{spinner} [{bar:24}] {pos}/{len} {wide_msg}";
const ROW: &str = "  {spinner} {wide_msg}";

/// The display, and what it shows.
pub(crate) struct Bars {
    multi: MultiProgress,
    head: Option<ProgressBar>,
    rows: Vec<ProgressBar>,
    board: Board,
    style: Style,
}

impl Bars {
    /// Returns an empty display on `target`.
    pub(crate) fn new(target: ProgressDrawTarget, style: Style) -> Self {
        let multi = MultiProgress::with_draw_target(target);
        Self { multi, head: None, rows: Vec::new(), board: Board::default(), style }
    }

    /// Shows `event`.
    pub(crate) fn on(&mut self, event: &Event) {
        self.board.apply(event, self.style);
        if self.board.keeps(event)
            && let Some(text) = lines::event(event, self.style)
        {
            // A terminal that is gone does not stop the work.
            let _ = self.multi.println(text.trim_end_matches('\n'));
        }
        self.draw();
    }

    /// Takes everything that moves off the terminal. The next event brings it back.
    pub(crate) fn clear(&mut self) {
        for bar in self.rows.drain(..).chain(self.head.take()) {
            remove(&self.multi, &bar);
        }
    }

    fn draw(&mut self) {
        let Some(head) = self.board.head(self.style) else { return self.clear() };
        let bar = self.head.get_or_insert_with(|| added(&self.multi, HEAD));
        bar.set_length(head.total);
        bar.set_position(head.done);
        bar.set_message(head.what);
        self.draw_rows(&self.board.rows());
    }

    fn draw_rows(&mut self, rows: &[String]) {
        for bar in self.rows.drain(rows.len().min(self.rows.len())..) {
            remove(&self.multi, &bar);
        }
        while self.rows.len() < rows.len() {
            self.rows.push(added(&self.multi, ROW));
        }
        for (bar, text) in self.rows.iter().zip(rows) {
            bar.set_message(text.clone());
        }
    }
}

fn added(multi: &MultiProgress, template: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(template).expect("the templates are constants: tested");
    let bar = multi.add(ProgressBar::new(0).with_style(style));
    bar.enable_steady_tick(TICK);
    bar
}

fn remove(multi: &MultiProgress, bar: &ProgressBar) {
    bar.finish_and_clear();
    multi.remove(bar);
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;
    use windlass_core::record::{DeploymentStatus, TargetState};
    use windlass_core::target::TargetId;

    use super::*;
    use crate::ui::samples::{deployment, release, staging};

    /// A terminal that remembers what was written, or that is gone.
    #[derive(Debug, Clone, Default)]
    struct Terminal {
        written: Arc<Mutex<String>>,
        gone: bool,
    }

    impl Terminal {
        fn write(&self, text: &str) -> io::Result<()> {
            if self.gone {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.written.lock().expect("no test panics while writing").push_str(text);
            Ok(())
        }
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            100
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            self.write("")
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            self.write("")
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            self.write("")
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            self.write("")
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write(&format!("{text}\n"))
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.write(text)
        }

        fn clear_line(&self) -> io::Result<()> {
            self.write("")
        }

        fn flush(&self) -> io::Result<()> {
            self.write("")
        }
    }

    fn changed(id: &str, state: TargetState, error: Option<&str>) -> Event {
        let error = error.map(str::to_owned);
        Event::TargetChanged { target: TargetId::new(id), state, error }
    }

    fn course() -> Vec<Event> {
        let deployment_id = deployment("deploy_staging_1");
        vec![
            Event::Rendering { environment: staging(), done: 1, total: 2 },
            Event::DeploymentStarted {
                deployment_id: deployment_id.clone(),
                environment: staging(),
                release: Some(release("two")),
                targets: 2,
            },
            Event::StageStarted { stage: 1, stages: 1, targets: Vec::new() },
            changed("web1", TargetState::Staging, None),
            changed("web2", TargetState::Activating, None),
            changed("web1", TargetState::Healthy, None),
            changed("web2", TargetState::Unhealthy, Some("tcp 80: refused")),
            Event::DeploymentFinished {
                deployment_id,
                status: DeploymentStatus::Failed,
                duration_ms: 1,
            },
        ]
    }

    fn on(terminal: &Terminal) -> Bars {
        Bars::new(ProgressDrawTarget::term_like(Box::new(terminal.clone())), Style::PLAIN)
    }

    #[test]
    fn the_work_is_drawn_and_its_ends_stay() {
        let terminal = Terminal::default();
        let mut bars = on(&terminal);
        for event in course() {
            bars.on(&event);
        }
        let written = terminal.written.lock().expect("no test panics while writing").clone();
        let expected = [
            "1/2 rendering staging",
            "0/2 deploying to staging, stage 1 of 1",
            "web2: activating",
            "web1: healthy",
            "web2: unhealthy: tcp 80: refused",
            "2/2 deploying to staging, stage 1 of 1, 1 failed",
        ];
        for text in expected {
            assert!(written.contains(text), "{text} is not in {written}");
        }
        assert!(bars.head.is_none() && bars.rows.is_empty(), "nothing moves any more");
    }

    #[test]
    fn a_terminal_that_is_gone_breaks_nothing() {
        let mut bars = on(&Terminal { gone: true, ..Terminal::default() });
        for event in course() {
            bars.on(&event);
        }
        bars.on(&course()[0]);
        bars.clear();
    }

    #[test]
    fn after_clearing_the_next_event_draws_again() {
        let mut bars = on(&Terminal::default());
        let events = course();
        bars.on(&events[0]);
        bars.clear();
        assert!(bars.head.is_none());
        bars.on(&events[0]);
        assert!(bars.head.is_some());
    }
}
