"""Ports for tests: two sessions never share one."""

import socket

import pytest

from tests.support.broker import HOST, PortBlock, free_ports


def test_two_sessions_take_ports_of_different_blocks() -> None:
    one, other = PortBlock(), PortBlock()
    assert set(one._ports).isdisjoint(other._ports)
    assert one.take(2) in one._ports
    assert other.take(2) in other._ports


def test_a_port_is_not_given_twice_before_it_is_bound() -> None:
    block = PortBlock()
    first = [block.take(2) for _ in range(20)]
    assert len({port + offset for port in first for offset in (0, 1)}) == 40


def test_a_port_in_use_is_left_out() -> None:
    block = PortBlock()
    with socket.socket() as other:
        other.bind((HOST, used := block.take(1)))
        assert used not in {block.take(1) for _ in block._ports}


def test_a_block_without_free_ports_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no 200 consecutive free ports"):
        PortBlock().take(200)


def test_a_chosen_port_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind((HOST, free_ports(1)))
