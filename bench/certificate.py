"""The certificate that servers are measured with: made anew for each comparison, by openssl."""

import subprocess

# What all of them sign with and encrypt with.
CURVE = 'P-256'
CIPHER = 'TLS_AES_128_GCM_SHA256'
DAYS = 7


class NotMade(Exception):
    """There is no certificate, and the sentence says why."""


def paths(home):
    """Where the certificate and its key are."""
    return home / 'certificate.pem', home / 'key.pem'


def make(home):
    """Make both in a folder, unless they are there."""
    chain, key = paths(home)
    if chain.exists() and key.exists():
        return
    command = ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', f'ec_paramgen_curve:{CURVE}',
               '-nodes', '-days', str(DAYS), '-subj', '/CN=localhost', '-addext',
               'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', str(key), '-out', str(chain)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    except FileNotFoundError as error:
        raise NotMade('openssl is missing, and makes the certificate') from error
    except subprocess.CalledProcessError as error:
        raise NotMade(f'openssl made no certificate: {error.stderr[-300:]}') from error
    chain.chmod(0o644)
    key.chmod(0o600)
