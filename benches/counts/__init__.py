"""Instructions per operation of cafeloop alone, counted by Valgrind's callgrind: see __main__.py.

    rows        what is counted             work       the processes in which it runs
    callgrind   running Valgrind            build      what the figures depend on, beside the code
    figures     the stored figures          verdict    stored and counted, compared
    base        another commit, where the stored figures are of another build
"""
