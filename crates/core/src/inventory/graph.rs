//! Groups of groups: how deep each lies, and which of them a host is in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;

use super::draft::{GroupIndex, index_of};
use super::model::{Group, Host};
use super::report::Report;
use super::{ALL, MAX_MEMBERSHIPS, UNGROUPED};
use crate::config::Origin;

/// Says each group its parents and its depth: the longest way down from `all`, which holds every
/// group that nothing else holds. A group that holds itself is reported.
pub(super) fn connect(
    groups: &mut [Group],
    children: &BTreeMap<(GroupIndex, GroupIndex), Origin>,
    report: &mut Report,
) {
    for (parent, child) in children.keys() {
        groups[*child as usize].parents.push(*parent);
    }
    let all = position(groups, ALL);
    for (at, group) in groups.iter_mut().enumerate() {
        if index_of(at) != all && group.parents.is_empty() {
            group.parents.push(all);
        }
    }
    let placed = assign_depths(groups);
    for cycle in cycles(groups, &placed) {
        report_cycle(groups, &cycle, children, report);
    }
}

fn position(groups: &[Group], name: &str) -> GroupIndex {
    let found = groups.iter().position(|group| group.name.as_str() == name);
    index_of(found.expect("every draft begins with `all` and `ungrouped`"))
}

/// Goes from parents to children (Kahn's algorithm); returns which groups were reached: those that
/// are neither in a cycle nor below one.
fn assign_depths(groups: &mut [Group]) -> Vec<bool> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); groups.len()];
    let mut waiting: Vec<usize> = Vec::with_capacity(groups.len());
    for (at, group) in groups.iter().enumerate() {
        waiting.push(group.parents.len());
        group.parents.iter().for_each(|parent| children[*parent as usize].push(at));
    }
    let mut placed = vec![false; groups.len()];
    let mut ready: Vec<usize> = (0..groups.len()).filter(|at| waiting[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        placed[at] = true;
        let depth = groups[at].depth + 1;
        for &child in &children[at] {
            groups[child].depth = groups[child].depth.max(depth);
            waiting[child] -= 1;
            if waiting[child] == 0 {
                ready.push(child);
            }
        }
    }
    placed
}

/// Returns cycles among the groups that were not placed, at least one of each knot, parents after
/// children.
fn cycles(groups: &[Group], placed: &[bool]) -> Vec<Vec<GroupIndex>> {
    let mut walks: Vec<usize> = vec![0; groups.len()];
    let mut cycles = Vec::new();
    for start in (0..groups.len()).filter(|at| !placed[*at]) {
        let walk = start + 1;
        let mut path = Vec::new();
        let mut at = start;
        while walks[at] == 0 {
            walks[at] = walk;
            path.push(index_of(at));
            let unplaced = groups[at].parents.iter().find(|parent| !placed[**parent as usize]);
            at = *unplaced.expect("who waits has a parent who waits") as usize;
        }
        if walks[at] == walk {
            let from = path.iter().position(|other| *other as usize == at);
            cycles.push(path.split_off(from.expect("the walk came by here")));
        }
    }
    cycles
}

fn report_cycle(
    groups: &[Group],
    cycle: &[GroupIndex],
    children: &BTreeMap<(GroupIndex, GroupIndex), Origin>,
    report: &mut Report,
) {
    let name = |at: &GroupIndex| groups[*at as usize].name.as_str();
    let downwards: Vec<&str> = cycle.iter().rev().chain(cycle.last()).map(name).collect();
    let edges = cycle.iter().zip(cycle.iter().cycle().skip(1));
    let origins = edges.filter_map(|(child, parent)| children.get(&(*parent, *child)));
    let origin = origins.min_by_key(|origin| origin.span.map(|span| span.position));
    let origin = origin.unwrap_or(&groups[cycle[0] as usize].origin);
    let way = match downwards.len() {
        0..=10 => downwards.join("` → `"),
        more => format!(
            "{}` → … {} more … → `{}",
            downwards[..5].join("` → `"),
            more - 6,
            downwards[more - 1]
        ),
    };
    let message = format!("group `{}` is within itself: `{way}`", downwards[0]);
    report.error(origin.error(message).hint("take one of these out of the children of the other"));
}

/// Says each host all groups that it is in, from the one whose variables count least: by depth, by
/// `ansible_group_priority`, by name.
pub(super) fn rank(groups: &[Group], hosts: &mut IndexMap<Arc<str>, Host>, report: &mut Report) {
    let order = order(groups);
    let (all, ungrouped) = (position(groups, ALL), position(groups, UNGROUPED));
    let mut known: HashMap<BTreeSet<GroupIndex>, Arc<[GroupIndex]>> = HashMap::new();
    let mut effort = 0;
    for host in hosts.values_mut() {
        if let Some(ranked) = known.get(&host.groups) {
            host.ranked = Arc::clone(ranked);
            continue;
        }
        let held = membership(groups, &host.groups, all, ungrouped);
        let mut ranked: Vec<GroupIndex> = held.into_iter().collect();
        ranked.sort_by_key(|at| order[*at as usize]);
        effort += ranked.len();
        host.ranked = Arc::from(ranked);
        known.insert(host.groups.clone(), Arc::clone(&host.ranked));
        if effort > MAX_MEMBERSHIPS {
            let message =
                format!("hosts are in groups of groups more than {MAX_MEMBERSHIPS} times");
            report.error(host.origin.error(message));
            return;
        }
    }
}

/// Returns where each group stands among all.
fn order(groups: &[Group]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..groups.len()).collect();
    sorted.sort_by_key(|at| (groups[*at].depth, groups[*at].priority, &groups[*at].name));
    let mut order = vec![0; groups.len()];
    sorted.into_iter().enumerate().for_each(|(place, at)| order[at] = place);
    order
}

fn ancestors(groups: &[Group], direct: &BTreeSet<GroupIndex>) -> BTreeSet<GroupIndex> {
    let mut held = direct.clone();
    let mut left: Vec<GroupIndex> = direct.iter().copied().collect();
    while let Some(at) = left.pop() {
        let parents = &groups[at as usize].parents;
        left.extend(parents.iter().filter(|parent| held.insert(**parent)));
    }
    held
}

/// Returns all groups of a host that `direct` name: `all`, and `ungrouped` if there is no other. That
/// `ungrouped` names it means nothing where another does.
fn membership(
    groups: &[Group],
    direct: &BTreeSet<GroupIndex>,
    all: GroupIndex,
    ungrouped: GroupIndex,
) -> BTreeSet<GroupIndex> {
    let mut held = ancestors(groups, direct);
    if held.iter().all(|group| [all, ungrouped].contains(group)) {
        held.insert(ungrouped);
    } else if direct.contains(&ungrouped) {
        let others = direct.iter().copied().filter(|group| *group != ungrouped).collect();
        held = ancestors(groups, &others);
        held.remove(&ungrouped);
    }
    held.insert(all);
    held
}
