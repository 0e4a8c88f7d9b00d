# SPDX-License-Identifier: LGPL-2.1-or-later
"""Authorization: polkit decides, nothing happens before it has, and nobody waits for another user's
prompt."""

import subprocess
import time

import pytest
from vnic import kernel
from vnic.agent import Agent
from vnic.client import ACCESS_DENIED, MANAGER, MAY_ASK, ROOT, BusError, Client, Tap
from vnic.networks import NETWORK, network, path_of
from vnic.polkit import NAME as POLKIT
from vnic.process import poll


@pytest.fixture
def hanging(world):
    with world.polkit_as("hang") as polkit:
        yield polkit


def test_a_rule_that_allows_gives_a_tap(alice, bridges):
    bridges("yes0")
    with alice.create_tap("yes0") as tap:
        assert kernel.exists(tap.interface)


def test_a_rule_that_denies_denies(alice, bridges):
    bridges("no0")
    error = alice.create_tap_error("no0", interactive=True)
    assert error.name == ACCESS_DENIED and "org.vnicd1.use-bridge" in error.message
    assert kernel.our_links() == []


def test_without_a_rule_an_administrator_would_have_to_answer(alice, bridges):
    bridges("br0")
    error = alice.create_tap_error("br0")
    assert error.name == MAY_ASK and "org.vnicd1.use-bridge" in error.message
    assert kernel.our_links() == []


def test_with_nobody_to_ask_it_is_said_that_there_is_no_agent(alice, bridges):
    bridges("ask0")
    error = alice.create_tap_error("ask0", interactive=True)
    assert error.name == MAY_ASK and "no agent" in error.message


def test_a_rule_may_depend_on_the_user(alice, carol, bridges):
    bridges("carol0")
    assert alice.create_tap_error("carol0").name == ACCESS_DENIED
    with carol.create_tap("carol0") as tap:
        assert kernel.link(tap.interface)["master"] == "carol0"


def test_threat_49_a_tap_on_no_bridge_is_a_question_too(alice, bob):
    assert alice.create_tap_error("-").name == MAY_ASK
    assert bob.create_tap_error("-").name == MAY_ASK


def test_root_is_not_asked_about(root, bridges, world):
    bridges("no0")
    with world.polkit_as("none"), root.create_tap("no0") as tap:
        assert kernel.link(tap.interface)["master"] == "no0"


def test_an_administrator_who_agrees_gives_the_tap(alice, bridges, world):
    bridges("ask0")
    with Agent(world, alice, "accept") as agent, alice.create_tap("ask0", interactive=True) as tap:
        assert kernel.link(tap.interface)["master"] == "ask0"
        assert [prompt.action for prompt in agent.prompts] == ["org.vnicd1.use-bridge"]
        assert "ask0" in agent.prompts[0].message


def test_each_question_is_asked_anew(alice, bridges, world):
    """An authorization that polkit retained would be valid for every bridge."""
    bridges("ask0")
    with Agent(world, alice, "accept") as agent:
        for _ in range(2):
            with alice.create_tap("ask0", interactive=True):
                pass
        assert len(agent.prompts) == 2


@pytest.mark.parametrize("policy,text", [("dismiss", "dismissed"), ("fail", "not allowed")])
def test_a_person_who_does_not_agree_means_no(alice, bridges, world, policy, text):
    bridges("ask0")
    with Agent(world, alice, policy) as agent:
        error = alice.create_tap_error("ask0", interactive=True)
        assert error.name in (ACCESS_DENIED, MAY_ASK), text
        if policy == "dismiss":
            assert error.name == ACCESS_DENIED and text in error.message
        assert len(agent.prompts) == 1
    assert kernel.our_links() == []


def test_nobody_is_asked_for_a_call_that_did_not_allow_it(alice, bridges, world):
    bridges("ask0")
    with Agent(world, alice, "accept") as agent:
        assert alice.create_tap_error("ask0").name == MAY_ASK
        assert alice.can_create_tap("ask0")[0] == "challenge"
        alice.list_bridges()
        assert agent.prompts == []


def test_nobody_is_asked_for_what_cannot_succeed(alice, bridges, world):
    bridges("ask0")
    with Agent(world, alice, "accept") as agent:
        for options in ({"queues": 17}, {"mtu": 100}, {"guest_mac": kernel.link("ask0")["address"]}):
            alice.create_tap_error("ask0", True, True, interactive=True, **options)
        alice.create_tap_error("gone0", interactive=True)
        assert agent.prompts == []


def test_polkit_is_asked_about_the_callers_bus_name_with_checked_details(alice, bridges, hanging):
    bridges("br0")
    hanging.auto = lambda check: (True, False, {})
    with alice.create_tap("br0", True, True, queues=3):
        pass
    (check,) = hanging.checks
    assert check.subject[0] == "system-bus-name" and check.bus_name == alice.unique
    assert check.action == "org.vnicd1.use-bridge"
    assert check.details == {"bridge": "br0", "kind": "tap", "queues": "3"}
    assert not check.interactive


def test_a_person_is_asked_only_after_a_challenge(alice, bridges, hanging):
    bridges("br0")
    hanging.auto = lambda check: (check.interactive, not check.interactive, {})
    with alice.create_tap("br0", interactive=True):
        pass
    assert [check.interactive for check in hanging.checks] == [False, True]
    assert hanging.checks[1].cancellation


@pytest.mark.parametrize("verdict", [(False, False, {}), (False, True, {}),
                                     (False, True, {"polkit.dismissed": "true"})])
def test_whatever_is_not_yes_is_no(alice, bridges, hanging, verdict):
    bridges("br0")
    hanging.auto = lambda check: verdict
    assert alice.create_tap_error("br0", interactive=True).name in (ACCESS_DENIED, MAY_ASK)
    assert kernel.our_links() == []


def test_an_error_of_polkit_means_no(alice, bridges, hanging):
    bridges("br0")
    pending = alice.start_create_tap("br0")
    hanging.wait_for_check().fail()
    assert pending.error().name == ACCESS_DENIED
    assert kernel.our_links() == []


def test_without_polkit_the_answer_is_no(alice, bridges, world):
    bridges("yes0")
    with world.polkit_as("none"):
        error = alice.create_tap_error("yes0", interactive=True)
        assert error.name == ACCESS_DENIED and "polkit" in error.message
        assert alice.can_create_tap("yes0")[0] == "no"
    with alice.create_tap("yes0"):
        pass


def test_a_polkit_that_dies_with_the_question_open_means_no(alice, bridges, world):
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        pending = alice.start_create_tap("br0", interactive=True)
        polkit.wait_for_check()
        polkit.kill()
        assert pending.error().name == ACCESS_DENIED
        polkit.start()


@pytest.mark.once
def test_a_person_has_longer_than_a_rule(alice, bridges, world):
    """A user who takes 22 seconds to type the password is not refused: only polkit itself has to be
    faster."""
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: None if check.interactive else (False, True, {})
        pending = alice.start_create_tap("br0", interactive=True, timeout=60)
        check = polkit.wait_for_check(2)
        assert check.interactive
        assert not poll(pending.done, 22)
        check.answer(True)
        with Tap(alice, *pending.result(10)) as tap:
            assert kernel.exists(tap.interface)


@pytest.mark.once
def test_a_polkit_that_hangs_means_no_in_the_end(alice, bridges, hanging):
    bridges("br0")
    pending = alice.start_create_tap("br0")
    check = hanging.wait_for_check()
    error = pending.error()
    assert error.name == ACCESS_DENIED and "polkit did not answer" in error.message
    assert hanging.wait_for_cancel(check)
    assert kernel.our_links() == []


def test_others_are_served_while_a_question_is_open(alice, bob, root, bridges, hanging):
    bridges("br0")
    pending = alice.start_create_tap("br0", interactive=True)
    hanging.wait_for_check()
    begin = time.monotonic()
    for _ in range(20):
        bob.get(ROOT, MANAGER, "Version")
        with root.create_tap("br0"):
            pass
    assert time.monotonic() - begin < 5
    assert not pending.done()
    hanging.checks[0].answer(True)
    with Tap(alice, *pending.result()) as tap:
        assert kernel.link(tap.interface)["master"] == "br0"


def test_two_calls_of_one_connection_get_what_each_was_allowed(alice, bridges, hanging):
    """The answers arrive in the other order; each tap is where its own question said."""
    bridges("br0")
    bridges("br1")
    first = alice.start_create_tap("br0", label="first")
    second = alice.start_create_tap("br1", label="second")
    hanging.wait_for_check(2)
    by_bridge = {check.details["bridge"]: check for check in hanging.checks}
    by_bridge["br1"].answer(True)
    with Tap(alice, *second.result()) as tap:
        assert kernel.link(tap.interface)["master"] == "br1" and tap.get("Label") == "second"
        by_bridge["br0"].answer(True)
        with Tap(alice, *first.result()) as other:
            assert kernel.link(other.interface)["master"] == "br0" and other.get("Label") == "first"
    first = alice.start_create_tap("br0")
    second = alice.start_create_tap("br1")
    hanging.wait_for_check(4)
    by_bridge = {check.details["bridge"]: check for check in hanging.checks[2:]}
    by_bridge["br0"].answer(False)
    assert first.error().name == ACCESS_DENIED
    by_bridge["br1"].answer(True)
    with Tap(alice, *second.result()) as tap:
        assert kernel.link(tap.interface)["master"] == "br1"


def test_threat_38_a_bridge_that_was_replaced_while_the_question_was_open_is_stale(alice, bridges, hanging):
    bridges("br0")
    pending = alice.start_create_tap("br0", interactive=True)
    check = hanging.wait_for_check()
    kernel.del_link("br0")
    kernel.make_bridge("br0")
    check.answer(True)
    assert pending.error().short == "Stale"
    assert kernel.ports("br0") == [] and kernel.our_links() == []


@pytest.mark.parametrize("kind", ["isolated", "nat"])
def test_threat_38_a_network_that_was_made_again_while_the_question_was_open_is_stale(alice, root, hanging, kind):
    with network(root, "yesnet", "isolated", services=False):
        pending = alice.start_create_tap("yesnet")
        check = hanging.wait_for_check()
        assert check.action == "org.vnicd1.use-network"
    with network(root, "yesnet", kind, services=False):
        check.answer(True)
        assert pending.error().short == "Stale"
        assert kernel.ports("yesnet") == [] and kernel.our_links() == []


@pytest.fixture
def define(world):
    """define(kind): from now on the configuration has a network "yesnet" of that kind, which is not up."""
    file = world.configuration / "networks" / "yesnet.conf"

    def apply(kind):
        world.configure(f"[Network]\nKind={kind}\n", "networks/yesnet.conf")
        world.reload()

    yield apply
    file.unlink()
    world.reload()


@pytest.mark.parametrize("kind, again", [("isolated", "nat"), ("nat", "isolated")])
def test_threat_38_a_network_that_was_defined_anew_of_another_kind_while_the_question_was_open_is_stale(
        alice, define, hanging, kind, again):
    define(kind)
    pending = alice.start_create_tap("yesnet")
    check = hanging.wait_for_check()
    assert check.action == "org.vnicd1.use-network"
    define(again)
    check.answer(True)
    assert pending.error().short == "Stale"
    assert not kernel.exists("yesnet") and kernel.our_links() == []


def test_a_network_that_comes_up_while_the_question_is_open_is_still_the_same(alice, root, define, hanging):
    define("isolated")
    pending = alice.start_create_tap("yesnet")
    check = hanging.wait_for_check()
    with root.create_tap("yesnet"):
        check.answer(True)
        with Tap(alice, *pending.result()) as tap:
            assert kernel.link(tap.interface)["master"] == "yesnet"
    assert kernel.wait_gone(tap.interface)
    root.call(path_of("yesnet"), NETWORK, "Delete")


@pytest.mark.parametrize("again", [True, False], ids=["another of the name", "none"])
def test_whether_one_could_is_answered_though_the_bridge_goes_while_polkit_is_asked(alice, bridges, hanging, again):
    """Nothing was created and nobody was prompted: the state is read once more, and the answer is about what
    exists now."""
    bridges("br0")
    pending = alice.start(ROOT, MANAGER, "CanCreateTap", "sbba{sv}", ("br0", True, False, {}))
    check = hanging.wait_for_check()
    kernel.del_link("br0")
    if again:
        kernel.make_bridge("br0")
    check.answer(True)
    if again:
        hanging.wait_for_check(2).answer(True)
    assert pending.result()[0] == ("yes" if again else "no")


def test_a_bridge_that_never_stands_still_is_a_no_with_a_reason(alice, bridges, hanging):
    """The service does not ask without end."""
    bridges("br0")
    pending = alice.start(ROOT, MANAGER, "CanCreateTap", "sbba{sv}", ("br0", True, False, {}))
    for asked in range(1, 20):
        hanging.wait_for_check(asked)
        kernel.del_link("br0")
        kernel.make_bridge("br0")
        hanging.checks[asked - 1].answer(True)
        if poll(lambda: pending.done() or len(hanging.checks) > asked, 5) and pending.done():
            break
    answer, reason = pending.result()
    assert answer == "no" and "changed" in reason and "Ask again" in reason
    assert asked < 5


@pytest.mark.parametrize("change", [("link", "set", "br0", "name", "br1"), ("link", "del", "br0")])
def test_threat_38_a_bridge_that_is_renamed_or_deleted_while_the_question_is_open_is_stale(alice, bridges, hanging,
                                                                                          change):
    bridges("br0")
    pending = alice.start_create_tap("br0")
    check = hanging.wait_for_check()
    kernel.run("ip", *change)
    try:
        check.answer(True)
        assert pending.error().short == "Stale"
        assert kernel.our_links() == []
    finally:
        kernel.del_link("br1")


def test_what_was_free_before_the_question_is_looked_at_again_after_it(alice, bridges, hanging):
    bridges("br0")
    one = alice.start_create_tap("br0", label="web")
    other = alice.start_create_tap("br0", label="web")
    hanging.wait_for_check(2)
    for check in hanging.checks:
        check.answer(True)
    with Tap(alice, *one.result()):
        assert other.error().short == "NameTaken"


@pytest.mark.parametrize("interactive", [False, True])
def test_a_caller_who_leaves_takes_his_question_with_him(world, bridges, hanging, interactive):
    bridges("br0")
    if interactive:
        hanging.auto = lambda check: None if check.interactive else (False, True, {})
    client = Client(world, "alice")
    client.start_create_tap("br0", interactive=interactive)
    check = hanging.wait_for_check(2 if interactive else 1)
    fds = world.service_fds()
    client.drop()
    hanging.wait_for_cancel(check)
    time.sleep(0.1)
    assert kernel.our_links() == [] and world.service_fds() <= fds


@pytest.mark.parametrize("allowed", [False, True])
def test_polkit_need_not_cancel_what_ended_with_the_callers_own_agent(world, root, bridges, hanging, allowed):
    """polkitd 122 may hang for good when it is told to cancel just as the agent exits, as after Ctrl-C.
    Whatever it answers then, nothing is created for a caller that is gone."""
    bridges("br0")
    hanging.auto = lambda check: None if check.interactive else (False, True, {})
    client = Client(world, "alice")
    client.start_create_tap("br0", interactive=True)
    check = hanging.wait_for_check(2)
    before = kernel.next_ifindex()
    client.drop()
    # The service is told of it before the answer arrives.
    assert poll(lambda: not root.bus_call("NameHasOwner", "s", (client.unique,))[0], 5, 0.002)
    check.answer(allowed)
    time.sleep(1)
    assert hanging.cancels == [] and kernel.next_ifindex() == before + 1


def test_a_prompt_on_the_screen_goes_with_its_caller(world, alice, bridges):
    bridges("ask0")
    with Agent(world, alice, "hang") as agent:
        client = Client(world, "alice")
        client.start_create_tap("ask0", interactive=True)
        agent.wait_for_prompt()
        client.drop()
        agent.wait_for_cancel()
    assert kernel.our_links() == []


def test_a_connection_has_one_prompt_and_a_user_two(world, alice, bob, bridges, hanging):
    bridges("br0")
    hanging.auto = lambda check: None if check.interactive else (False, True, {})
    first = alice.start_create_tap("br0", interactive=True)
    hanging.wait_for_check(2)
    assert alice.create_tap_error("br0", interactive=True).short == "LimitsExceeded"
    with Client(world, "alice") as again, Client(world, "alice") as third:
        second = again.start_create_tap("br0", interactive=True)
        assert poll(lambda: sum(check.interactive for check in hanging.checks) == 2, 5)
        assert third.create_tap_error("br0", interactive=True).short == "LimitsExceeded"
        other = bob.start_create_tap("br0", interactive=True)
        assert poll(lambda: sum(check.interactive for check in hanging.checks) == 3, 5)
        for check in hanging.checks:
            if check.interactive:
                check.answer(False)
        for pending in (first, second, other):
            assert pending.error().name == ACCESS_DENIED


def test_a_connection_may_have_32_calls_waiting_and_16_at_polkit(alice, bob, bridges, hanging):
    bridges("br0")
    waiting = [alice.start_create_tap("br0") for _ in range(32)]
    hanging.wait_for_check(16)
    assert alice.create_tap_error("br0").short == "LimitsExceeded"
    assert len(hanging.checks) == 16
    other = bob.start_create_tap("br0")
    check = hanging.wait_for_check(17)
    assert check.bus_name == bob.unique
    check.answer(False)
    assert other.error().name == ACCESS_DENIED
    hanging.auto = lambda check: (False, False, {})
    for check in hanging.checks[:16]:
        check.answer(False)
    for pending in waiting:
        assert pending.error().name == ACCESS_DENIED


def test_a_user_may_have_64_calls_waiting_and_another_his_own(world, bob, bridges, hanging):
    bridges("br0")
    clients = [Client(world, "alice") for _ in range(3)]
    waiting = [client.start_create_tap("br0") for client in clients[:2] for _ in range(32)]
    for client in clients[:2]:
        client.get(ROOT, MANAGER, "Version")  # everything that it sent before has been read
    hanging.wait_for_check(16)
    for member in ("CreateTap", "CanCreateTap"):
        error = clients[2].error(ROOT, MANAGER, member, "sbba{sv}", ("br0", True, False, {}))
        assert error.short == "LimitsExceeded"
    assert clients[2].open_tap_error("br0").short == "LimitsExceeded"
    assert clients[2].error(ROOT, MANAGER, "ListBridges").short == "LimitsExceeded"
    other = bob.start_create_tap("br0")
    hanging.wait_for_check(17).answer(False)
    assert other.error().name == ACCESS_DENIED
    for client in clients:
        client.close()
    for pending in waiting:
        pending.discard()


@pytest.fixture
def many_bridges():
    """There are more than the 128 pending replies that the system bus allows a connection."""
    names = [f"{kind}{number}" for number in range(75) for kind in ("yes", "no")]
    batch = "".join(f"link add {name} group 7 type bridge\n" for name in names)
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True, timeout=30)
    yield names
    kernel.run("ip", "link", "del", "group", "7")


def test_questions_about_many_bridges_are_not_refused_by_the_bus(alice, bob, many_bridges):
    calls = [client.start(ROOT, MANAGER, "ListBridges") for client in (alice, bob)]
    for call in calls:
        listed = {entry["name"]: entry["access"] for entry in call.result()[0]}
        assert listed == {name: name.rstrip("0123456789") for name in many_bridges}


def test_a_user_with_many_questions_does_not_keep_another_waiting(world, alice, many_bridges, hanging):
    with Client(world, "bob") as client:
        client.start(ROOT, MANAGER, "ListBridges").discard()
        hanging.wait_for_check(16)
        waiting = alice.start_create_tap("yes1")
        check = hanging.wait_for_check(17)
        assert check.bus_name == alice.unique
        check.answer(False)
        assert waiting.error().name == ACCESS_DENIED
        # When one of a user's calls is done, the next of the same user takes its place.
        hanging.checks[0].answer(False)
        assert hanging.wait_for_check(18).bus_name == client.unique
        client.drop()
        assert poll(lambda: all(check.cancelled for check in hanging.checks[1:16]), 5)


def test_nothing_is_done_before_polkit_has_answered(alice, bridges, hanging, world):
    """While the question is open there is no tap and no open tun node, and nobody else sees a change."""
    bridges("br0")
    before = kernel.snapshot(), kernel.fixed_fdb("br0")
    pending = alice.start_create_tap("br0", guest_mac="52:54:00:00:00:01")
    check = hanging.wait_for_check()
    assert kernel.our_links() == []
    assert not any("/dev/net/tun" in target for target in map(str, world.service_fd_list().values()))
    assert (kernel.snapshot(), kernel.fixed_fdb("br0")) == before
    check.answer(False)
    assert pending.error().name == ACCESS_DENIED
    assert (kernel.snapshot(), kernel.fixed_fdb("br0")) == before


@pytest.mark.parametrize("name,answer", [("yes0", "yes"), ("ask0", "challenge"), ("no0", "no")])
def test_can_create_tap_says_what_would_happen_and_does_nothing(alice, bridges, name, answer):
    bridges(name)
    before = kernel.snapshot()
    said, reason = alice.can_create_tap(name)
    assert said == answer and reason.endswith(".")
    assert kernel.our_links() == [] and kernel.snapshot() == before


def test_can_create_tap_answers_no_for_what_is_not_there_and_refuses_what_is_malformed(alice, bridge):
    assert alice.can_create_tap("gone0")[0] == "no"
    assert alice.can_create_tap("")[0] == "no"
    assert alice.can_create_tap("lo")[0] == "no"
    for options in ({"queues": 0}, {"nonsense": True}, {"mtu": 70}):
        with pytest.raises(BusError) as caught:
            alice.can_create_tap(bridge, **options)
        assert caught.value.short == "InvalidOption"


def test_the_policy_is_what_polkit_really_knows(root):
    actions = root.call("/org/freedesktop/PolicyKit1/Authority", "org.freedesktop.PolicyKit1.Authority",
                        "EnumerateActions", "s", ("C",), destination=POLKIT)[0]
    ours = {action[0]: action for action in actions if action[0].startswith("org.vnicd1.")}
    assert set(ours) == {"org.vnicd1." + name for name in ("use-bridge", "use-network", "use-unfiltered",
                                                           "manage-networks", "create-persistent",
                                                           "manage-endpoints", "reload")}
    # 2: an administrator has to authenticate; 4: and that is retained; 5: yes. For any, inactive and active sessions.
    others = {"org.vnicd1.use-network": (2, 2, 5), "org.vnicd1.manage-networks": (2, 2, 4)}
    for name, action in ours.items():
        assert action[6:9] == others.get(name, (2, 2, 2))
        assert action[9]["org.freedesktop.policykit.owner"] == "unix-user:vnicd"
