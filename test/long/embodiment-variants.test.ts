import { describeEmbodiments } from '../support/embodiment-run.ts';

const TOPOLOGIES = [
  'prior-art-2',
  'tcp-over-tcp',
  'e5-nat',
  'e6-nat',
  'e7-nat',
  'e8-both',
  'e10-sealed',
  'e2-nat',
  'e3-mirrored',
  'e3-folded',
  'e4-folded',
  'e4-nat',
  'e11-mirrored',
];

describeEmbodiments('variants of the embodiments with kernel hosts', TOPOLOGIES);
