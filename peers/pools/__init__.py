"""The pools of interfaces: which address a peer gets, what is kept, what collides."""
