# What pm4py says of an event log: variants, ways, durations, footprints and the fitness of a token replay.
# Arguments: the XES log, the OCEL log, the graph as JSON.
import contextlib, io, json, sys
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    import pm4py
    log = pm4py.read_xes(sys.argv[1])
    ocel = pm4py.read_ocel2_json(sys.argv[2])
    graph = json.load(open(sys.argv[3]))
    ways, starts, ends = pm4py.discover_dfg(log)
    spans, _, _ = pm4py.discover_performance_dfg(log)
    known = {(edge['from'], edge['to']) for edge in graph['edges'] if edge['known']}
    first = {graph['statuses'][0]['name']: 1}
    last = {status['name']: 1 for status in graph['statuses'] if status['end']}
    net, initial, final = pm4py.convert_to_petri_net({edge: 1 for edge in known}, first, last)
    replayed = pm4py.conformance_diagnostics_token_based_replay(log, net, initial, final)
    fitness = pm4py.fitness_token_based_replay(log, net, initial, final)
    durations = {}
    for variant in pm4py.get_variants_as_tuples(log) if hasattr(pm4py, 'get_variants_as_tuples') else pm4py.get_variants(log):
        part = pm4py.filter_variants(log, [variant])
        durations[' '.join(variant)] = sorted(pm4py.get_all_case_durations(part))
    footprints = pm4py.discover_footprints(log)
json.dump({
    'variants': {name: len(all) for name, all in durations.items()},
    'durations': durations,
    'ways': {' '.join(way): count for way, count in ways.items()},
    'means': {' '.join(way): span['mean'] if isinstance(span, dict) else span for way, span in spans.items()},
    'medians': {' '.join(way): span['median'] for way, span in spans.items() if isinstance(span, dict)},
    'off_the_graph': sorted(' '.join(way) for way in set(footprints['sequence']) | set(footprints['parallel']) if way in ways and way not in known),
    'fitting': sum(1 for one in replayed if one['trace_is_fit']),
    'percentage_of_fitting_traces': fitness['percentage_of_fitting_traces'],
    'objects': len(ocel.objects), 'events': len(ocel.events), 'relations': len(ocel.relations),
    'object_types': sorted(ocel.objects['ocel:type'].unique()),
}, sys.stdout)
