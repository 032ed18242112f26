"""The weak inner solvers: what stands in for a small language model inside an agent's own tools.

``weak`` is the solver of level L0, which answers ``POST /inner/answer``; ``chat`` the one from L1 on, which
holds conversations at ``POST /inner/chat`` and alone knows the answers. Both are deterministic, offline, and
salted by split. ``questions`` draws what the second is asked, ``seed`` lays out the tool that asks it.
"""
