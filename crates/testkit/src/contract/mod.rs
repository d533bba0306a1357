//! What every ledger must do, as test cases over the port alone.
//!
//! [`ledger_contract!`](crate::ledger_contract) makes one test of each case; a ledger's crate calls it with a function
//! that opens a fresh, empty ledger.

pub mod accepting;
pub mod budget;
pub mod claiming;
pub mod claiming_at_once;
pub mod dead_letters;
pub mod erasing;
pub mod faults;
pub mod feedback;
pub mod finishing;
pub mod forgetting;
pub mod idempotency;
pub mod intervening;
pub mod keys;
pub mod listing;
pub mod paging;
pub mod races;
pub mod scene;
pub mod state;
pub mod stats;
pub mod suppressions;
pub mod sweeping;
pub mod webhook_calls;
pub mod webhook_replays;
pub mod webhooks;

use std::any::Any;
use std::sync::Arc;

use postrider_core::ports::ledger::Ledger;

/// A ledger under test and whatever must live as long as it, such as its directory.
pub struct Subject {
    /// The ledger.
    pub ledger: Arc<dyn Ledger>,
    /// Dropped after the ledger.
    pub keep: Box<dyn Any + Send + Sync>,
}

impl Subject {
    /// A ledger that needs nothing kept.
    #[must_use]
    pub fn alone(ledger: impl Ledger + 'static) -> Self {
        Self { ledger: Arc::new(ledger), keep: Box::new(()) }
    }
}

/// Makes a test of every case of the contract. The argument names a function `fn() -> Subject`.
#[macro_export]
macro_rules! ledger_contract {
    ($open:path) => {
        $crate::ledger_contract! { @modules $open;
            accepting {
                a_new_event_is_queued_and_found,
                a_stored_event_comes_back_as_it_was,
                a_wished_time_ahead_is_when_it_is_due,
                a_wished_time_past_is_due_at_once,
                the_same_data_again_finds_the_first,
                duplicates_of_different_events_have_no_common_first,
                a_duplicate_shows_the_status_of_now,
                the_key_is_taken_even_after_cancelation,
                other_data_under_one_key_is_refused,
                one_conflict_among_several_refuses_all,
                types_of_one_order_are_independent,
                what_is_new_beside_a_duplicate_is_stored,
                one_key_twice_in_one_event_is_one_notification,
                an_event_that_calls_for_nothing_is_accepted
            }
            claiming {
                priority_goes_before_age_and_age_before_youth,
                what_is_claimed_is_not_claimed_again,
                a_claim_carries_the_lease_and_the_next_fence,
                what_is_not_due_stays_and_is_announced,
                what_is_announced_is_the_first_of_any_priority,
                the_limit_holds_and_the_rest_is_left,
                nothing_is_claimed_beyond_the_bound,
                a_limit_of_nothing_claims_nothing,
                a_deferred_one_is_claimed_when_its_time_comes,
                an_empty_queue_has_nothing_and_announces_nothing
            }
            claiming_at_once {
                what_is_new_and_due_is_the_callers,
                whoever_claims_next_finds_nothing,
                a_duplicate_is_not_the_callers,
                what_must_wait_is_left_to_wait,
                the_suppressed_are_not_claimed_at_once,
                each_type_of_an_event_is_claimed,
                a_lost_sender_is_found_by_a_sweep
            }
            finishing {
                sent_is_final,
                deferred_waits_with_its_cause,
                a_deferral_may_cost_no_attempt,
                failed_and_dead_keep_their_cause,
                unknown_waits_for_judgement,
                what_is_given_back_goes_first_and_cost_nothing,
                what_is_superseded_is_canceled_with_its_cause,
                another_fence_changes_nothing,
                a_stranger_changes_nothing,
                a_second_report_changes_nothing,
                the_late_truth_about_a_lost_lease_is_taken,
                the_late_truth_after_another_claim_is_stale,
                an_attempt_is_on_the_timeline_word_for_word,
                the_last_copy_that_may_have_left_is_kept,
                a_copy_that_did_not_leave_is_not_kept
            }
            sweeping {
                an_expired_lease_becomes_unknown,
                a_live_lease_is_left_alone,
                every_lease_is_lost_when_nobody_else_is_alive,
                an_unknown_outcome_is_sent_again,
                an_unknown_outcome_is_held,
                an_unknown_outcome_with_its_attempts_spent_is_held,
                no_outcome_is_judged_before_its_time,
                one_sweep_touches_each_once,
                a_sweep_handles_no_more_than_asked,
                each_claim_is_told_once
            }
            intervening {
                a_dead_letter_gets_a_fresh_budget,
                what_is_sent_or_on_its_way_cannot_be_repeated,
                what_is_taken_back_is_never_claimed,
                what_is_sent_cannot_be_taken_back,
                what_waits_for_its_route_can_be_hastened,
                what_is_hastened_goes_first,
                what_is_held_waits_for_a_person,
                what_a_sender_has_cannot_be_held_before_its_lease_is_over,
                nobody_can_be_done_nothing,
                every_intervention_is_on_the_timeline
            }
            budget {
                what_is_remembered_comes_back,
                a_write_that_missed_another_changes_nothing,
                what_comes_during_a_hold_is_held_with_its_cause,
                what_is_wished_for_later_waits_for_its_time,
                what_is_claimed_during_a_hold_is_held,
                only_what_the_hold_held_goes_on,
                a_person_may_retry_what_is_held,
                a_person_may_hold_what_the_budget_holds,
                what_was_held_goes_on_in_the_order_it_came,
                a_hold_that_is_over_lets_everything_go,
                a_hold_that_is_over_lets_some_go_at_a_time,
                counts_at_the_same_time_count_once
            }
            keys {
                a_key_comes_back_as_it_was,
                the_same_key_again_finds_the_first,
                a_revoked_key_stays_revoked,
                what_is_not_there_cannot_be_revoked,
                no_more_keys_live_than_the_bound,
                the_last_revoked_keys_are_kept,
                only_the_first_key_is_made_as_the_first,
                of_many_first_keys_one_is_made
            }
            idempotency {
                the_same_request_gets_the_same_answer,
                another_request_under_the_key_is_refused,
                a_refused_event_leaves_the_key_free,
                an_answer_of_its_own_is_remembered,
                the_first_answer_stays,
                a_remembered_answer_stops_an_acceptance,
                an_unused_key_has_no_answer,
                an_answer_has_its_time,
                answers_whose_time_is_over_are_forgotten
            }
            listing {
                the_newest_comes_first,
                by_order,
                by_order_whatever_makes_the_key,
                by_recipient_however_it_is_spelt,
                by_type,
                by_status,
                by_cause,
                by_time_with_the_end_excluded,
                by_everything_at_once,
                an_unknown_one_is_not_found
            }
            paging {
                pages_follow_one_another_without_gap_or_overlap,
                the_last_page_has_no_next,
                no_page_is_larger_than_the_bound,
                a_cursor_needs_no_notification,
                filtered_pages_end
            }
            dead_letters {
                causes_are_counted_with_their_span,
                only_dead_letters_count,
                a_redrive_in_steps_meets_each_dead_letter_once,
                a_redrive_by_cause_leaves_the_others,
                a_redriven_key_is_still_taken
            }
            feedback {
                a_delivery_is_told,
                every_order_of_reports_ends_the_same,
                a_report_before_the_send_is_recorded_counts,
                a_report_counts_once,
                a_report_settles_an_unknown_outcome,
                a_report_stops_a_second_copy,
                reports_that_establish_nothing_are_on_the_timeline_only,
                what_was_never_sent_cannot_be_reported,
                what_is_about_nothing_of_ours_is_an_orphan,
                what_is_about_somebody_else_changes_nothing,
                a_forwarded_bounce_does_not_condemn_the_address,
                a_report_is_found_by_the_services_id,
                a_report_before_the_services_id_is_known_waits_for_it,
                tolerated_reports_are_bounded,
                a_report_keeps_the_time_of_the_claim
            }
            suppressions {
                a_hard_bounce_and_a_complaint_suppress,
                no_other_class_suppresses,
                a_refusal_that_condemns_the_address_suppresses,
                soft_bounces_add_up_and_expire,
                soft_bounces_of_one_message_count_once,
                the_suppressed_are_not_queued,
                the_suppressed_are_not_claimed,
                whoever_is_taken_off_gets_mail_again,
                an_expired_entry_holds_nobody,
                another_category_leaves_orders_alone,
                an_unsubscription_holds_for_its_category,
                the_graver_reason_stays,
                an_erased_address_stays_suppressed,
                the_list_is_paged_newest_first
            }
            webhooks {
                an_endpoint_comes_back_as_it_was,
                the_same_id_again_finds_the_first,
                no_more_endpoints_than_the_bound,
                a_change_changes_only_what_it_names,
                two_secrets_sign_until_the_old_one_expires,
                nothing_is_recorded_without_an_endpoint,
                an_endpoint_hears_only_of_what_it_asked_for,
                a_call_tells_what_happened,
                every_turn_is_told_by_its_event,
                a_deleted_endpoint_hears_nothing
            }
            webhook_calls {
                changes_of_one_notification_are_told_in_order,
                a_dead_endpoint_is_in_nobodys_way,
                a_long_queue_leaves_places_to_the_others,
                no_more_calls_are_on_their_way_than_may,
                a_lapsed_claim_is_claimed_again,
                a_late_success_counts_while_nobody_else_has_it,
                a_retry_waits_for_its_time,
                what_was_tried_in_vain_is_counted,
                an_endpoint_that_is_gone_is_disabled,
                five_days_of_failing_disable,
                a_success_begins_the_five_days_anew,
                after_an_outage_everything_comes_in_order,
                a_call_that_always_fails_keeps_to_its_schedule,
                claimed_calls_never_overlap
            }
            webhook_replays {
                a_replay_tells_a_range_again_in_order,
                a_replay_adds_nothing_that_comes_anyway,
                what_is_replayed_goes_before_what_came_later,
                a_long_feed_is_told_whole,
                what_is_too_old_goes_and_is_counted
            }
            state {
                every_open_status_is_counted,
                the_longest_due_is_told,
                what_goes_first_does_not_hide_the_longest_due,
                a_rendition_is_kept_once,
                a_rendition_nobody_stored_is_not_found,
                a_probe_succeeds
            }
            stats {
                each_counts_in_the_period_of_its_acceptance,
                an_empty_window_has_its_periods,
                one_type_is_counted_alone
            }
            erasing {
                what_was_said_is_gone_and_what_happened_stays,
                a_large_event_is_forgotten,
                a_long_story_is_forgotten_to_its_beginning,
                the_same_order_is_still_a_duplicate,
                it_is_found_by_its_order_and_not_by_its_recipient,
                what_could_still_leave_is_not_erased,
                nothing_makes_it_leave_again,
                a_later_report_tells_of_the_message_only,
                a_late_sender_brings_nothing_back,
                what_is_erased_is_erased_once,
                what_told_of_somebody_else_keeps_its_recipient,
                an_order_that_tells_of_others_is_kept_for_them,
                webhooks_tell_nothing_of_the_person
            }
            forgetting {
                a_person_is_forgotten_wherever_they_are,
                what_others_were_told_about_her_is_forgotten,
                whoever_is_not_in_an_order_is_forgotten_without_it,
                a_merchant_forgotten_first_does_not_keep_an_order,
                nobody_is_taken_for_a_part_of_another,
                a_bounce_meanwhile_leaves_no_address_on_the_list,
                what_waits_beside_what_is_under_way_is_left_alone,
                what_is_under_way_is_told_and_goes_next_time,
                a_dead_sender_is_not_waited_for,
                the_list_goes_on_stopping_mail,
                a_person_of_many_orders_is_forgotten_in_steps,
                whoever_is_interrupted_goes_on
            }
            faults {
                a_refused_acceptance_left_nothing,
                an_acceptance_whose_answer_was_lost_is_found_by_asking_again,
                an_answer_that_was_lost_is_replayed,
                a_claim_whose_answer_was_lost_is_found_by_a_sweep,
                a_report_whose_answer_was_lost_counts_once,
                an_intervention_whose_answer_was_lost_happens_once
            }
            races {
                of_many_with_one_key_one_is_stored,
                of_many_under_one_idempotency_key_one_is_accepted,
                claims_never_overlap,
                of_many_reports_one_counts,
                nothing_is_lost_under_load
            }
        }
    };
    (@modules $open:path; $($module:ident { $($case:ident),+ })+) => {
        $(
            mod $module {
                use super::*;
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        let subject = $open();
                        let ledger = std::sync::Arc::clone(&subject.ledger);
                        $crate::contract::$module::$case(&$crate::contract::scene::Scene::new(ledger)).await;
                    }
                )+
            }
        )+
    };
}
