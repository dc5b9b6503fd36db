import { describeEmbodiments } from './support/embodiment-run.ts';

/** Their variants are in `test/long`. */
const TOPOLOGIES = ['e1', 'e2', 'e3', 'e4', 'e5', 'e6', 'e7', 'e8', 'e9', 'e10', 'e11', 'e12', 'prior-art-1'];

describeEmbodiments('kernel hosts, a process for each other device', TOPOLOGIES);
