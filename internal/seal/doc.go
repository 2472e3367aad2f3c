// Package seal keeps secrets: the master key, what is stored under it, the text of API keys, and ids.
//
// It owns every byte of randomness that becomes a credential or a name. A 32-byte master key lives outside the database;
// from it a [Sealer] derives one subkey for each purpose (HKDF-SHA-256, RFC 5869): AES-256-GCM for secrets at rest, HMAC-SHA-256
// for the hashes of API keys, HMAC-SHA-256 for page tokens. A copy of the database is worth nothing without it.
//
// It refuses a master key of the wrong length, a master key file that others can read, a sealed box that was moved to another row
// or changed by one bit, and a key text whose checksum is wrong. Its errors never contain what was being kept, and a
// [MasterKey] does not print.
package seal
