/** How many that nobody has vouched for yet are let in at a time. */
export interface AdmissionLimits {
  readonly all: number;
  readonly perAddress: number;
}
