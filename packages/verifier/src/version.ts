/** How this library names itself to an issuer. A test holds it against package.json. */
export const LIBRARY = '@rekey/verifier/0.2.0'
