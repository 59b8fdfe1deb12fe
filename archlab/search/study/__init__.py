"""One study: opened, carried out trial by trial, and described for the workers that join it."""
