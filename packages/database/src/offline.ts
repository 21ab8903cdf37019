/** What verifies an audit on a machine without a database: nothing of this connects to one, or loads what would. */
export type { ListedEvent } from './audit/list.ts'
export { type EventProof, verifyProof } from './audit/proof.ts'
export { type Bytes, type ExportOptions, verifyExport } from './audit/verify/export.ts'
export type { Problem, ProblemCode, Verdict } from './audit/verify/findings.ts'
