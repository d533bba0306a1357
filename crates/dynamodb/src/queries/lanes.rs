//! Several partitions of an index, walked along as one: the price of spreading what belongs together.

use std::cmp::Ordering;
use std::collections::VecDeque;

use postrider_core::ports::ledger::LedgerError;

use crate::context::Context;
use crate::table::{Entry, Index, Query};
use crate::together::together;

/// Entries one page of a lane has at most.
const PAGE_MAX: usize = 200;

/// A walk along several partitions, in the order of their sort keys.
pub(crate) struct Lanes<'a> {
    context: &'a Context,
    index: Index,
    forward: bool,
    lanes: Vec<Lane>,
}

struct Lane {
    query: Query,
    ahead: VecDeque<Entry>,
    is_over: bool,
}

impl<'a> Lanes<'a> {
    /// Walks along what `queries` find, all of them in the same direction.
    pub(crate) fn new(context: &'a Context, index: Index, queries: impl IntoIterator<Item = Query>) -> Self {
        let mut forward = true;
        let mut lanes = Vec::new();
        for query in queries {
            forward = query.forward;
            let query = Query { limit: query.limit.clamp(1, PAGE_MAX), ..query };
            lanes.push(Lane { query, ahead: VecDeque::new(), is_over: false });
        }
        Self { context, index, forward, lanes }
    }

    /// The next entry, which stays where it is.
    pub(crate) async fn peek(&mut self) -> Result<Option<&Entry>, LedgerError> {
        self.fill().await?;
        Ok(self.first().and_then(|lane| self.lanes.get(lane)?.ahead.front()))
    }

    /// The next entry.
    pub(crate) async fn next(&mut self) -> Result<Option<Entry>, LedgerError> {
        self.fill().await?;
        Ok(self.first().and_then(|lane| self.lanes.get_mut(lane)?.ahead.pop_front()))
    }

    /// Up to `count` entries.
    pub(crate) async fn take(&mut self, count: usize) -> Result<Vec<Entry>, LedgerError> {
        let mut taken = Vec::new();
        while taken.len() < count {
            match self.next().await? {
                Some(entry) => taken.push(entry),
                None => break,
            }
        }
        Ok(taken)
    }

    fn first(&self) -> Option<usize> {
        let heads = self.lanes.iter().enumerate().filter_map(|(n, lane)| Some((n, lane.ahead.front()?)));
        let order = |a: &Entry, b: &Entry| {
            let ascending = (&a.sort, &a.key).cmp(&(&b.sort, &b.key));
            if self.forward { ascending } else { ascending.reverse() }
        };
        heads.min_by(|(_, a), (_, b)| order(a, b).then(Ordering::Equal)).map(|(n, _)| n)
    }

    /// Reads the next page of every lane that has nothing ahead.
    async fn fill(&mut self) -> Result<(), LedgerError> {
        let (context, index) = (self.context, self.index);
        let empty = self.lanes.iter_mut().filter(|lane| lane.ahead.is_empty() && !lane.is_over);
        together(empty.map(|lane| lane.read(context, index)).collect()).await.map(|_: Vec<()>| ())
    }
}

impl Lane {
    async fn read(&mut self, context: &Context, index: Index) -> Result<(), LedgerError> {
        while self.ahead.is_empty() && !self.is_over {
            let page = context.calls.query_index(index, &self.query).await?;
            self.ahead.extend(page.found);
            self.is_over = page.next.is_none();
            self.query.after = page.next;
        }
        Ok(())
    }
}
