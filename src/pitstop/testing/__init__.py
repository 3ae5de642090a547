"""Doubles of services that pitstop works with: real servers on the loopback, for tests and drills.

They need what the extra ``testing`` installs: ``pip install pitstop[testing]``.
"""
