"""The walls between tenants and between users, tried at every action and every route."""
