"""The words of a ledger, one line each: as they are said, and as they are awaited (the same with an `a`)."""

from farthing.face.accounts import (
    await_opening,
    build_close_account,
    build_freeze,
    build_open_account,
    build_unfreeze,
    speak_opening,
)
from farthing.face.advances import build_advance
from farthing.face.allowances import (
    build_allow,
    build_change_allowance,
    build_end_allowance,
    build_end_period,
    build_set_period_end,
)
from farthing.face.budgets import build_budget, build_change_budget, build_end_budget
from farthing.face.charges import build_charge, build_record
from farthing.face.clawbacks import build_clawback
from farthing.face.corrections import build_adjust, build_forgive, build_reset_used, build_set_used, build_void
from farthing.face.expiries import build_reschedule
from farthing.face.grants import build_grant, build_import_grant
from farthing.face.holds import build_extend, build_hold, build_release, build_settle, promise_hold, read_hold
from farthing.face.receipts import read_receipt
from farthing.face.refunds import build_refund
from farthing.face.settings import build_configure
from farthing.face.top_ups import build_decline_top_up
from farthing.face.verbs import awaited, spoken


class Words:
    """What can be said to a ledger, and inside `within`."""

    open_account = speak_opening(build_open_account)
    grant = spoken(build_grant, read_receipt)
    import_grant = spoken(build_import_grant, read_receipt)
    charge = spoken(build_charge, read_receipt)
    record = spoken(build_record, read_receipt)
    hold = spoken(build_hold, read_hold)
    settle = spoken(build_settle, read_receipt)
    release = spoken(build_release, read_receipt)
    extend = spoken(build_extend, read_receipt)
    refund = spoken(build_refund, read_receipt)
    void = spoken(build_void, read_receipt)
    forgive = spoken(build_forgive, read_receipt)
    adjust = spoken(build_adjust, read_receipt)
    set_used = spoken(build_set_used, read_receipt)
    reset_used = spoken(build_reset_used, read_receipt)
    configure = spoken(build_configure, read_receipt)
    freeze = spoken(build_freeze, read_receipt)
    unfreeze = spoken(build_unfreeze, read_receipt)
    close_account = spoken(build_close_account, read_receipt)
    allow = spoken(build_allow, read_receipt)
    change_allowance = spoken(build_change_allowance, read_receipt)
    end_allowance = spoken(build_end_allowance, read_receipt)
    end_period = spoken(build_end_period, read_receipt)
    set_period_end = spoken(build_set_period_end, read_receipt)
    budget = spoken(build_budget, read_receipt)
    change_budget = spoken(build_change_budget, read_receipt)
    end_budget = spoken(build_end_budget, read_receipt)
    clawback = spoken(build_clawback, read_receipt)
    reschedule = spoken(build_reschedule, read_receipt)
    decline_top_up = spoken(build_decline_top_up, read_receipt)
    advance = spoken(build_advance, read_receipt)


class AwaitedWords:
    """The same for coroutines."""

    aopen_account = await_opening(build_open_account)
    agrant = awaited(build_grant, read_receipt)
    aimport_grant = awaited(build_import_grant, read_receipt)
    acharge = awaited(build_charge, read_receipt)
    arecord = awaited(build_record, read_receipt)
    ahold = promise_hold(build_hold)
    asettle = awaited(build_settle, read_receipt)
    arelease = awaited(build_release, read_receipt)
    aextend = awaited(build_extend, read_receipt)
    arefund = awaited(build_refund, read_receipt)
    avoid = awaited(build_void, read_receipt)
    aforgive = awaited(build_forgive, read_receipt)
    aadjust = awaited(build_adjust, read_receipt)
    aset_used = awaited(build_set_used, read_receipt)
    areset_used = awaited(build_reset_used, read_receipt)
    aconfigure = awaited(build_configure, read_receipt)
    afreeze = awaited(build_freeze, read_receipt)
    aunfreeze = awaited(build_unfreeze, read_receipt)
    aclose_account = awaited(build_close_account, read_receipt)
    aallow = awaited(build_allow, read_receipt)
    achange_allowance = awaited(build_change_allowance, read_receipt)
    aend_allowance = awaited(build_end_allowance, read_receipt)
    aend_period = awaited(build_end_period, read_receipt)
    aset_period_end = awaited(build_set_period_end, read_receipt)
    abudget = awaited(build_budget, read_receipt)
    achange_budget = awaited(build_change_budget, read_receipt)
    aend_budget = awaited(build_end_budget, read_receipt)
    aclawback = awaited(build_clawback, read_receipt)
    areschedule = awaited(build_reschedule, read_receipt)
    adecline_top_up = awaited(build_decline_top_up, read_receipt)
    aadvance = awaited(build_advance, read_receipt)
