//! Marks between the instructions of a template.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::{Instruction, Instructions};
use minijinja::{Environment, Value};

use super::recorder::{Bound, Site, SiteKind};
use super::{Shared, lock};
use crate::template::operators::UNCACHED;

/// Before an expression, a text or a capture: nothing is on the stack for it.
const BEGIN: &str = "trace:begin";
/// After a text of the template.
const WROTE: &str = "trace:wrote";
/// Before a value is printed, bound to a name or gone through: it is on the stack and stays there.
const VALUE: &str = "trace:value";

/// The flag of a loop that calls itself, as `minijinja` numbers it.
const LOOP_FLAG_RECURSIVE: u8 = 2;

/// Adds the filters that the marks call.
pub(super) fn add_filters(environment: &mut Environment<'static>, shared: &Shared) {
    let recorder = Arc::clone(shared);
    environment.add_filter(BEGIN, move |site: usize| lock(&recorder).begin(site));
    let recorder = Arc::clone(shared);
    environment.add_filter(WROTE, move |site: usize| lock(&recorder).wrote(site));
    let recorder = Arc::clone(shared);
    environment.add_filter(VALUE, move |value: Value, site: usize| {
        lock(&recorder).value(site, &value);
        value
    });
}

/// Returns `instructions` with marks between them; adds what they mark to `sites`.
pub(super) fn marked<'s>(
    instructions: &Instructions<'s>,
    sites: &mut Vec<Site>,
) -> Instructions<'s> {
    let code: Vec<_> = (0..).map_while(|at| instructions.get(at)).collect();
    let mut marks = Marks { code: &code, source: instructions, sites, before: BTreeMap::new() };
    for at in 0..code.len() {
        marks.visit(at);
    }
    let before = marks.before;
    rebuilt(instructions, &code, &before)
}

/// A filter that is called for a site, and whether it takes the value on the stack.
#[derive(Clone, Copy)]
struct Mark(&'static str, usize);

impl Mark {
    fn instructions<'s>(self) -> Vec<Instruction<'s>> {
        let Self(filter, site) = self;
        let takes_value = filter == VALUE;
        let mut all = vec![
            Instruction::LoadConst(Value::from(site)),
            Instruction::ApplyFilter(filter, Some(1 + u16::from(takes_value)), UNCACHED),
        ];
        if !takes_value {
            all.push(Instruction::DiscardTop);
        }
        all
    }
}

struct Marks<'m, 's> {
    code: &'m [&'m Instruction<'s>],
    source: &'m Instructions<'s>,
    sites: &'m mut Vec<Site>,
    before: BTreeMap<usize, Vec<Mark>>,
}

impl<'s> Marks<'_, 's> {
    fn visit(&mut self, at: usize) {
        match self.code[at] {
            Instruction::EmitRaw(text) => self.raw(at, text),
            Instruction::Emit => self.value(at, SiteKind::Print),
            Instruction::PushLoop(flags) => {
                self.value(at, SiteKind::Loop { recursive: flags & LOOP_FLAG_RECURSIVE != 0 });
            }
            Instruction::StoreLocal(name) => {
                let (name, from) = ((*name).to_owned(), self.bound(at));
                self.value(at, SiteKind::Bind { name, from });
            }
            Instruction::SetAttr(_) => {
                // The value is below the object, whose name was looked up last.
                if let Some(Instruction::Lookup(name)) = at.checked_sub(1).map(|at| self.code[at]) {
                    self.value(at - 1, SiteKind::Add { name: (*name).to_owned() });
                }
            }
            _ => {}
        }
    }

    fn raw(&mut self, at: usize, text: &str) {
        let start = text.as_ptr().addr().wrapping_sub(self.source.source().as_ptr().addr());
        let input = start..start.saturating_add(text.len());
        let kind = SiteKind::Raw { input };
        let site = Site { offset: Some(start), kind, is_look_up: false, names: Vec::new() };
        let site = self.add(site);
        self.mark(at, Mark(BEGIN, site));
        self.mark(at + 1, Mark(WROTE, site));
    }

    fn value(&mut self, at: usize, kind: SiteKind) {
        let expression = self.expression(at);
        let is_look_up = self.is_look_up(expression.clone());
        let names = self.names(expression.clone());
        let offset = self.offset(at, &expression);
        let site = self.add(Site { offset, kind, is_look_up, names });
        self.mark(expression.start, Mark(BEGIN, site));
        self.mark(at, Mark(VALUE, site));
    }

    fn add(&mut self, site: Site) -> usize {
        self.sites.push(site);
        self.sites.len() - 1
    }

    /// Puts a mark before the instruction `at`: what ends there before what begins there, and the value
    /// that the instruction takes last.
    fn mark(&mut self, at: usize, mark: Mark) {
        let marks = self.before.entry(at).or_default();
        marks.push(mark);
        marks.sort_by_key(|Mark(filter, _)| {
            [WROTE, BEGIN, VALUE].iter().position(|it| it == filter)
        });
    }

    /// Returns where in the template the value is that the instruction `at` takes.
    fn offset(&self, at: usize, expression: &Range<usize>) -> Option<usize> {
        let index = |at| u32::try_from(at).unwrap_or(u32::MAX);
        let mut all = std::iter::once(at).chain(expression.clone());
        let span = all.find_map(|at| self.source.get_span(index(at)));
        if let Some(span) = span {
            return usize::try_from(span.start_offset).ok();
        }
        let line = self.source.get_line(index(at))?;
        let lines = self.source.source().split_inclusive('\n');
        Some(lines.take(line.saturating_sub(1)).map(str::len).sum())
    }

    /// Returns the instructions that make the value that `at` takes.
    fn expression(&self, at: usize) -> Range<usize> {
        let mut start = at;
        loop {
            start = self.plain_expression(start, at);
            let Some(before) = start.checked_sub(1) else { return 0..at };
            match self.code[before] {
                // The value, or what a filter is applied to, was captured, or chosen by a loop.
                Instruction::EndCapture => match self.capture(before) {
                    Some(begin) => return begin..at,
                    None => return start..at,
                },
                Instruction::PopLoopFrame
                    if matches!(self.code.get(start), Some(Instruction::BuildList(None))) =>
                {
                    match self.choice(before) {
                        Some(push) => start = push,
                        None => return start..at,
                    }
                }
                _ => return start..at,
            }
        }
    }

    /// Returns where the run of instructions begins that ends before `end` and does nothing but
    /// compute what `at` takes.
    fn plain_expression(&self, end: usize, at: usize) -> usize {
        let mut start = end;
        while let Some(before) = start.checked_sub(1)
            && computes(self.code[before], at)
        {
            start = before;
        }
        start
    }

    /// Returns where the capture begins that ends at `end`.
    fn capture(&self, end: usize) -> Option<usize> {
        let mut depth = 0_usize;
        (0..=end).rev().find(|at| {
            match self.code[*at] {
                Instruction::EndCapture => depth += 1,
                Instruction::BeginCapture(_) => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }

    /// Returns where the loop begins that chooses items (`for … if …`) and ends at `end`.
    fn choice(&self, end: usize) -> Option<usize> {
        let leads_here = |at: &usize| match self.code[*at] {
            Instruction::Iterate(target) => usize::try_from(*target).is_ok_and(|it| it == end),
            _ => false,
        };
        (0..end).rev().find(leads_here)?.checked_sub(1)
    }

    /// Tells whether the expression is nothing but a look-up by constant keys.
    fn is_look_up(&self, expression: Range<usize>) -> bool {
        let Some((Instruction::Lookup(_), rest)) = self.code[expression].split_first() else {
            return false;
        };
        let mut rest = rest.iter();
        while let Some(instruction) = rest.next() {
            let is_step = match instruction {
                Instruction::GetAttr(_) => true,
                Instruction::LoadConst(_) => matches!(rest.next(), Some(Instruction::GetItem)),
                _ => false,
            };
            if !is_step {
                return false;
            }
        }
        true
    }

    /// Returns the variables that the expression names.
    fn names(&self, expression: Range<usize>) -> Vec<String> {
        let name = |instruction: &&Instruction<'s>| match instruction {
            Instruction::Lookup(name) => Some((*name).to_owned()),
            _ => None,
        };
        self.code[expression].iter().filter_map(name).collect()
    }

    /// Returns what the name is bound to that is stored `at`: an item, a part of one, or a value.
    fn bound(&self, at: usize) -> Bound {
        let mut before = at;
        while let Some(previous) = before.checked_sub(1) {
            match self.code[previous] {
                Instruction::StoreLocal(_) | Instruction::UnpackList(_) => before = previous,
                Instruction::Iterate(_) if before == at => {
                    return Bound::Item(self.loop_of(previous));
                }
                Instruction::Iterate(_) => return Bound::PartOfItem(self.loop_of(previous)),
                _ => break,
            }
        }
        Bound::Value
    }

    /// Returns the site of the loop whose `Iterate` is `at`: it was marked before its body.
    fn loop_of(&self, at: usize) -> Option<usize> {
        let marks = self.before.get(&at.checked_sub(1)?)?;
        marks.iter().find(|mark| mark.0 == VALUE).map(|mark| mark.1)
    }
}

/// Tells whether `instruction` only computes, for what `at` takes.
fn computes(instruction: &Instruction<'_>, at: usize) -> bool {
    match instruction {
        // A jump past the value belongs to a statement around it.
        Instruction::Jump(target)
        | Instruction::JumpIfFalse(target)
        | Instruction::JumpIfFalseOrPop(target)
        | Instruction::JumpIfTrueOrPop(target) => {
            usize::try_from(*target).is_ok_and(|target| target <= at)
        }
        Instruction::EmitRaw(_)
        | Instruction::StoreLocal(_)
        | Instruction::SetAttr(_)
        | Instruction::UnpackList(_)
        | Instruction::Emit
        | Instruction::PushLoop(_)
        | Instruction::PushWith
        | Instruction::Iterate(_)
        | Instruction::PushDidNotIterate
        | Instruction::PopFrame
        | Instruction::PopLoopFrame
        | Instruction::PushAutoEscape
        | Instruction::PopAutoEscape
        | Instruction::BeginCapture(_)
        | Instruction::EndCapture
        | Instruction::FastSuper
        | Instruction::FastRecurse
        | Instruction::CallBlock(_)
        | Instruction::LoadBlocks
        | Instruction::Include(_)
        | Instruction::ExportLocals
        | Instruction::Return => false,
        _ => true,
    }
}

/// Returns the instructions with the marks `before` them; jumps lead to the marks of where they led.
fn rebuilt<'s>(
    instructions: &Instructions<'s>,
    code: &[&Instruction<'s>],
    before: &BTreeMap<usize, Vec<Mark>>,
) -> Instructions<'s> {
    let marks = |at: usize| before.get(&at).into_iter().flatten();
    let mut starts = Vec::with_capacity(code.len() + 1);
    let mut len = 0_u32;
    for at in 0..=code.len() {
        starts.push(len);
        let added: usize = marks(at).map(|mark| mark.instructions().len()).sum();
        len = len.saturating_add(u32::try_from(added + 1).unwrap_or(u32::MAX));
    }
    let mut rebuilt = Instructions::new(instructions.name(), instructions.source());
    for (at, instruction) in code.iter().enumerate() {
        let mut add = |instruction| add_at(&mut rebuilt, instruction, instructions, at);
        marks(at).flat_map(|mark| mark.instructions()).for_each(&mut add);
        add(relocated((*instruction).clone(), &starts));
    }
    let last = code.len().saturating_sub(1);
    for instruction in marks(code.len()).flat_map(|mark| mark.instructions()) {
        add_at(&mut rebuilt, instruction, instructions, last);
    }
    rebuilt
}

/// Adds `instruction` with the place that `at` has in `of`.
fn add_at<'s>(
    to: &mut Instructions<'s>,
    instruction: Instruction<'s>,
    of: &Instructions<'s>,
    at: usize,
) {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let line = of.get_line(at).and_then(|line| u16::try_from(line).ok());
    match (of.get_span(at), line) {
        (Some(span), _) => to.add_with_span(instruction, span),
        (None, Some(line)) => to.add_with_line(instruction, line),
        (None, None) => to.add(instruction),
    };
}

/// Returns `instruction` with its target moved to where that is now.
fn relocated<'s>(mut instruction: Instruction<'s>, starts: &[u32]) -> Instruction<'s> {
    if let Instruction::Jump(target)
    | Instruction::JumpIfFalse(target)
    | Instruction::JumpIfFalseOrPop(target)
    | Instruction::JumpIfTrueOrPop(target)
    | Instruction::Iterate(target)
    | Instruction::BuildMacro(_, target, _) = &mut instruction
        && let Some(moved) = usize::try_from(*target).ok().and_then(|at| starts.get(at))
    {
        *target = *moved;
    }
    instruction
}
