export type DemoErrorCode = 'START_FAILED' | 'PART_DIED' | 'CALL_REFUSED' | 'TOO_LONG'

/** Why the demo could not be carried through. */
export class DemoError extends Error {
  override readonly name = 'DemoError'
  readonly code: DemoErrorCode

  constructor(code: DemoErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
