// Package notify sends mail: by SMTP, or into a folder as .eml files.
//
// It owns the queue, so that nobody who causes a mail waits for it or learns from
// the time whether there was one, and what a message looks like on the wire. It
// refuses recipients that are not one plain address, and never logs what a message
// says: it may hold a secret.
package notify
