"""SmolLM2-135M-Instruct on this machine: installed, served on loopback, and measured."""
