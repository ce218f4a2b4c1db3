"""How fast Vouch is, beside its peers and the limits of the machine; `python -m benchmarks`.

Reading order:

table       a goal, whether it is met, and how results are written
peers       which program of others is installed, and in which Python
racing      contenders, each a process of its own, measured by turns
worlds      scenarios and graphs that several parts use

limits      what the machine can do: memory, draws, calls
day         a day of the default scenario, 180 days end to end, growth, memory
small_model the small model of word of mouth against agent-based frameworks
cascades    independent cascades, large ones and many small ones
small_runs  a thousand small runs against mesa.batch_run
luck        common random numbers against independent seeds
start       the command line: help, a run, a cold compile cache
generating  networks from generators, to sparse rows
reading     ties from a file; opening saved graphs

contenders/   the programs that are timed, ours and those of peers in their own idiom
finite_size   does a measure per person depend on the number of people? Not part of the table
scaling_page  puts measured numbers into docs/scaling.md
"""
