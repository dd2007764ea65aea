"""What the DAG repertoire_nightly is made of. Runs in Airflow's Python, which has neither Spark nor this project's packages."""
