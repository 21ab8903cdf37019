import { Option } from 'commander'

/** What {@link sourceOption} reads. */
export interface Sourced {
  source?: string
}

/** `--source`: where the root keys stand, for a service that does not run in REKEY_HOME. */
export function sourceOption(): Option {
  const what =
    'where the root keys stand, as REKEY_ROOT_KEY says it there: vault:PATH#FIELD (with VAULT_ADDR …) or file:/path'
  return new Option('--source <source>', what)
}
