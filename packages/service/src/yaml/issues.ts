import type { z } from 'zod'

/** Something that a schema does not admit, and where. */
export interface Mistake {
  path: readonly PropertyKey[]
  message: string
}

/** A sentence for each thing that is wrong. None repeats a value, which may be a secret. */
export function mistakesOf(issue: z.core.$ZodIssue, root: unknown): Mistake[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'there is no such field' }))
  }
  const isMissing = path.length > 0 && valueAt(root, path) === undefined
  const expected = expectation(issue)
  return [{ path, message: isMissing ? `missing, expected ${expected}` : `expected ${expected}` }]
}

/** Messages of our own schemas say what is expected. Those of the library begin with "Invalid". */
function expectation(issue: z.core.$ZodIssue): string {
  if (!issue.message.startsWith('Invalid')) return issue.message
  if (issue.code === 'invalid_type') return kinds[issue.expected] ?? issue.expected
  if (issue.code === 'invalid_value') return issue.values.map(String).join(' or ')
  if (issue.code === 'invalid_key') return `another name: ${issue.issues.map(expectation).join(', ')}`
  return 'something else'
}

const kinds: Readonly<Record<string, string>> = {
  object: 'fields',
  record: 'fields',
  array: 'a list',
  string: 'a text',
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], root)
}
